// Checks all lengths and offsets of a FlatBuffer before apache-arrow reads it. apache-arrow trusts every count, so a
// corrupt file could keep it busy for hours or exhaust memory.
//
//     table at t     int32 distance back to the vtable | fields
//     vtable         int16 its size | int16 size of the table | int16 offset of each field from t, 0 where absent
//     vector at v    uint32 count | items; a field holds the distance from itself to v
//
// Binary format: https://flatbuffers.dev/internals/, tables: https://github.com/apache/arrow/tree/main/format (*.fbs).

/**
 * A field of a table that points elsewhere: to a vector of items of a given width, a vector of tables, a table, or a
 * union, whose type is in another field.
 */
type Part =
  | { readonly items: number }
  | { readonly tables: () => Shape }
  | { readonly table: () => Shape }
  | { readonly union: (type: number) => Shape | undefined; readonly typeField: number };

/** The fields of a table that point elsewhere, by field number. Fields with plain numbers need no check. */
type Shape = Readonly<Record<number, Part>>;

const STRING: Part = { items: 1 };
const KEY_VALUE: Shape = { 0: STRING, 1: STRING };
const NO_PARTS: Shape = {};
// Numbers of the types in Schema.fbs whose tables have a string (time zone) or a vector (type ids).
const TIMESTAMP = 10;
const UNION = 14;

const FIELD: Shape = {
  0: STRING,
  3: {
    typeField: 2,
    union: (type) => ({ [TIMESTAMP]: { 1: STRING }, [UNION]: { 1: { items: 4 } } })[type] ?? NO_PARTS,
  },
  4: { table: () => ({ 1: { table: () => NO_PARTS } }) },
  5: { tables: () => FIELD },
  6: { tables: () => KEY_VALUE },
};
const SCHEMA: Shape = { 1: { tables: () => FIELD }, 2: { tables: () => KEY_VALUE }, 3: { items: 8 } };
const RECORD_BATCH: Shape = { 1: { items: 16 }, 2: { items: 16 }, 3: { table: () => NO_PARTS }, 4: { items: 8 } };
const DICTIONARY_BATCH: Shape = { 1: { table: () => RECORD_BATCH } };
const HEADERS: readonly (Shape | undefined)[] = [undefined, SCHEMA, DICTIONARY_BATCH, RECORD_BATCH];
const MESSAGE: Shape = { 2: { typeField: 1, union: (type) => HEADERS[type] }, 4: { tables: () => KEY_VALUE } };
const FOOTER: Shape = {
  1: { table: () => SCHEMA },
  2: { items: 24 },
  3: { items: 24 },
  4: { tables: () => KEY_VALUE },
};

/** Types of messages, by the numbers of the format. */
export const MESSAGE_TYPES = { schema: 1, dictionaryBatch: 2, recordBatch: 3 } as const;

/**
 * Checks the metadata of an IPC message and returns its type, one of `MESSAGE_TYPES`.
 * @throws Error where an offset or a length points outside of `bytes`, or the type is another
 */
export function checkMessage(bytes: Uint8Array): number {
  checkRoot(bytes, MESSAGE);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const root = view.getUint32(0, true);
  const vtable = root - view.getInt32(root, true);
  // apache-arrow reads these numbers as signed. Read as unsigned, a table could look longer here than it does there.
  const offset = view.getInt16(vtable, true) > 6 ? view.getInt16(vtable + 6, true) : 0;
  const type = offset === 0 ? 0 : view.getUint8(root + offset);
  if (HEADERS[type] === undefined) throw new Error(`a message of the unknown type ${type}`);
  return type;
}

/** Checks the footer of an IPC file. @throws Error where an offset or a length points outside of `bytes` */
export function checkFooter(bytes: Uint8Array): void {
  checkRoot(bytes, FOOTER);
}

function checkRoot(bytes: Uint8Array, shape: Shape): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    // A table takes at least 4 bytes, so more tables than length / 4 can only be the same tables met again and again.
    checkTable(view, view.getUint32(0, true), shape, { tables: bytes.length / 4, depth: 0 });
  } catch (error) {
    // A read outside of the view is a RangeError.
    const reason = error instanceof RangeError ? "it points outside of itself" : (error as Error).message;
    throw new Error(`its metadata is corrupt: ${reason}`, { cause: error });
  }
}

// Deeper than any real schema, and far below the depth at which the stack overflows.
const MAX_DEPTH = 200;

/**
 * Checks the table at byte `at`. A read outside of `view` throws a RangeError by itself, so only counts need a
 * comparison.
 * @param budget tables that may still be met, and the present depth
 */
function checkTable(view: DataView, at: number, shape: Shape, budget: { tables: number; depth: number }): void {
  if (--budget.tables < 0 || ++budget.depth > MAX_DEPTH) throw new Error("tables without end");
  const vtable = at - view.getInt32(at, true);
  const size = view.getInt16(vtable, true);
  const field = (index: number) => (4 + 2 * index < size ? view.getInt16(vtable + 4 + 2 * index, true) : 0);
  for (const [index, part] of Object.entries(shape)) {
    const offset = field(Number(index));
    if (offset === 0) continue;
    const target = at + offset + view.getUint32(at + offset, true);
    if ("table" in part) {
      checkTable(view, target, part.table(), budget);
    } else if ("union" in part) {
      const type = field(part.typeField);
      const member = part.union(type === 0 ? 0 : view.getUint8(at + type));
      if (member !== undefined) checkTable(view, target, member, budget);
    } else {
      const count = view.getUint32(target, true);
      const width = "items" in part ? part.items : 4;
      if (target + 4 + count * width > view.byteLength)
        throw new Error(`${count} items at byte ${target} of ${view.byteLength}`);
      if (!("tables" in part)) continue;
      for (let i = 0; i < count; i++) {
        const item = target + 4 + 4 * i;
        checkTable(view, item + view.getUint32(item, true), part.tables(), budget);
      }
    }
  }
  if (shape === RECORD_BATCH) checkVariadic(view, at, field);
  budget.depth--;
}

/**
 * Checks that the view columns of a record batch, each with its own count of data buffers, do not claim more buffers
 * than the record batch lists.
 */
function checkVariadic(view: DataView, at: number, field: (index: number) => number): void {
  const [buffers, counts] = [field(2), field(4)].map((offset) =>
    offset === 0 ? 0 : at + offset + view.getUint32(at + offset, true),
  );
  if (counts === 0) return;
  let sum = 0n;
  for (let i = 0; i < view.getUint32(counts, true); i++) {
    const count = view.getBigInt64(counts + 4 + 8 * i, true);
    if (count < 0n) throw new Error(`${count} buffers of a view column`);
    sum += count;
  }
  const stored = buffers === 0 ? 0 : view.getUint32(buffers, true);
  if (sum > BigInt(stored)) throw new Error(`${sum} buffers of view columns, ${stored} in all`);
}
