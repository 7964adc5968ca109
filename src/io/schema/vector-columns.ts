import { type Data, DataType, type RecordBatch, type Schema } from "apache-arrow";
import { InputError } from "../../errors.js";
import { isValid, isWide } from "../columns/layout.js";
import { elementsOf, isListType } from "../columns/lists.js";
import { valueType } from "../columns/strings.js";
import { halfToNumber } from "../jsonl/json-text.js";
import type { BatchVectors } from "../source.js";
import { type CellReader, cellReader, dictionaryReader, type Leaf } from "./cells.js";
import { type ColumnPath, resolveColumns } from "./column-paths.js";
import { brief, listFields, schemaLeaves } from "./field-list.js";
import { VectorBatch } from "./vector-batch.js";

/**
 * Finds the column of the vectors: lists of integers or floats of any width.
 * @throws InputError where it is missing or holds no lists of numbers
 */
export function resolveVectorColumn(schema: Schema, name: string, source: string): ColumnPath {
  const [{ ways }] = resolveColumns(schema, [name], source);
  const [{ steps, field }] = ways;
  const type = valueType(field.type);
  const item = isListType(type) ? (type.children[0].type as DataType) : undefined;
  if ((DataType.isFloat(item) || DataType.isInt(item)) && !steps.some(({ kind }) => kind === "all")) {
    return { name, ways: ways.slice(0, 1) };
  }
  const found = `vector field ${JSON.stringify(name)} is ${brief(field.type)}, expected a list of numbers`;
  throw new InputError(`${source}: ${found}; the fields are ${listFields(schemaLeaves(schema))}`);
}

/** A vector in a column: rows `start` to `end`, which is not included, of a column of components. */
interface VectorCell {
  start: number;
  end: number;
  /** The component at a row of that column, NaN where it is null. */
  readonly component: (at: number) => number;
}

/**
 * The vectors of a batch as float32, [rows, dim]; float64 components and wide integers are rounded. A row whose list is
 * null, has another length than `dim`, or holds a null, NaN or infinity gets a fault and a vector of zeros.
 * @param dim components of each vector; where 0, the first list that is not empty sets the number
 * @param faults row to reason; rows that have a fault already are skipped, and new faults are added
 */
export function batchVectors(
  batch: RecordBatch,
  { name, ways: [way] }: ColumnPath,
  dim: number,
  faults: Map<number, string>,
): BatchVectors {
  const read = cellReader(batch, way, VECTORS);
  const type = valueType(way.field.type);
  const vectors = new VectorBatch(name, batch.numRows, dim || (DataType.isFixedSizeList(type) ? type.listSize : 0));
  for (let row = 0; row < batch.numRows; row++) {
    if (faults.has(row)) continue;
    const cell = read(row);
    const fault = cell === null ? vectors.without("null") : vectors.set(row, cell.component, cell.start, cell.end);
    if (fault !== undefined) faults.set(row, fault);
  }
  return vectors;
}

const VECTORS: Leaf<VectorCell> = { column: vectorReader, value: () => null, join: (before) => before };

/** Reads the vectors of a column of lists, each into the same cell. */
function vectorReader(data: Data): CellReader<VectorCell> {
  if (DataType.isDictionary(data.type)) {
    const read = dictionaryReader(data, vectorReader);
    return (row) => (isValid(data, row) ? read(row) : null);
  }
  const { elements, start } = elementsOf(data);
  const cell: VectorCell = { start: 0, end: 0, component: componentReader(elements) };
  return (row) => {
    if (!isValid(data, row)) return null;
    cell.start = start(row);
    cell.end = start(row + 1);
    return cell;
  };
}

function componentReader(data: Data): (at: number) => number {
  const { type, values, nullCount } = data;
  let read = (at: number): number => values[at];
  if (isWide(values)) read = (at) => Number(values[at]);
  else if (DataType.isFloat(type) && type.precision === 0) read = (at) => halfToNumber(values[at]);
  return nullCount === 0 ? read : (at) => (isValid(data, at) ? read(at) : Number.NaN);
}
