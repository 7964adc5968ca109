import { type Data, DataType, type RecordBatch, type Schema } from "apache-arrow";
import { InputError } from "../../errors.js";
import { isValid } from "../columns/layout.js";
import { halfToNumber } from "../jsonl/json-text.js";
import type { BatchVectors } from "../source.js";
import { type ColumnPath, columnAt, fieldAt, fieldList, resolveColumns } from "./text-columns.js";

/** True for a list, of fixed or variable length, of float16, float32 or float64. */
function isVectorType(type: DataType): boolean {
  const list = DataType.isList(type) || DataType.isLargeList(type) || DataType.isFixedSizeList(type);
  return list && DataType.isFloat(type.children[0].type);
}

/**
 * Finds the column of the vectors.
 * @throws InputError where it is missing or holds no lists of floats
 */
export function resolveVectorColumn(schema: Schema, name: string, source: string): ColumnPath {
  const [path] = resolveColumns(schema, [name], source);
  const { type } = fieldAt(schema, path.indices);
  if (isVectorType(type)) return path;
  const found = `vector field ${JSON.stringify(name)} is ${type}, expected a list of float16, float32 or float64`;
  throw new InputError(`${source}: ${found}; the fields are ${fieldList(schema)}`);
}

/**
 * The vectors of a batch as float32, [rows, dim]; float64 components are rounded. A row whose list is null, has another
 * length than `dim`, or holds a null, NaN or infinity gets a fault and a vector of zeros.
 * @param dim components of each vector; where 0, the first list that is not empty sets the number
 * @param faults row to reason; rows that have a fault already are skipped, and new faults are added
 */
export function batchVectors(
  batch: RecordBatch,
  path: ColumnPath,
  dim: number,
  faults: Map<number, string>,
): BatchVectors {
  const { data, parents } = columnAt(batch, path.indices);
  const child = data.children[0] as Data;
  const range = rangeOf(data);
  const read = componentReader(child);
  const name = JSON.stringify(path.name);
  let components = dim || (DataType.isFixedSizeList(data.type) ? data.type.listSize : 0);
  let values = new Float32Array(batch.numRows * components);
  for (let row = 0; row < batch.numRows; row++) {
    if (faults.has(row)) continue;
    if (!isValid(data, row) || !parents.every((parent) => isValid(parent, row))) {
      faults.set(row, `vector field ${name} is null`);
      continue;
    }
    const [start, end] = range(row);
    if (components === 0 && end > start) {
      components = end - start;
      values = new Float32Array(batch.numRows * components);
    }
    if (end - start !== components || components === 0) {
      faults.set(row, `vector field ${name} has ${end - start} components, expected ${components || "at least 1"}`);
      continue;
    }
    for (let i = 0; i < components; i++) {
      const value = isValid(child, start + i) ? Math.fround(read(start + i)) : Number.NaN;
      values[row * components + i] = value;
      if (Number.isFinite(value)) continue;
      faults.set(row, `vector field ${name} holds a null, NaN or an infinity`);
      values.fill(0, row * components, (row + 1) * components);
      break;
    }
  }
  return { dim: components, values };
}

/** The first component of a row, and the one after its last, as rows of the list's child. */
function rangeOf(data: Data): (row: number) => [number, number] {
  if (DataType.isFixedSizeList(data.type)) {
    const size = data.type.listSize;
    return (row) => [row * size, (row + 1) * size];
  }
  const { valueOffsets } = data;
  return (row) => [Number(valueOffsets[row]), Number(valueOffsets[row + 1])];
}

function componentReader({ type, values }: Data): (at: number) => number {
  return DataType.isFloat(type) && type.precision === 0 ? (at) => halfToNumber(values[at]) : (at) => values[at];
}
