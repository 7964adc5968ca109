import { DataType, type Field } from "apache-arrow";

// Extension types are storage types whose field metadata name what the values mean:
// https://arrow.apache.org/docs/format/Columnar.html#extension-types
// All such metadata pass through. Only arrow.uuid has a text form and a Parquet type of its own:
// https://arrow.apache.org/docs/format/CanonicalExtensions.html#uuid

/** Key of the field metadata that names an extension type. */
export const EXTENSION_NAME = "ARROW:extension:name";
/** Key of the field metadata that holds the parameters of an extension type. */
export const EXTENSION_METADATA = "ARROW:extension:metadata";

/** Bytes of a UUID. */
export const UUID_WIDTH = 16;

/** The metadata of a field of UUIDs. */
export function uuidMetadata(): Map<string, string> {
  return new Map([
    [EXTENSION_NAME, "arrow.uuid"],
    [EXTENSION_METADATA, ""],
  ]);
}

/** True for a field of UUIDs, whose values are 16 bytes. */
export function isUuidField({ type, metadata }: Pick<Field, "type" | "metadata">): boolean {
  const storage = DataType.isDictionary(type) ? type.dictionary : type;
  return (
    metadata.get(EXTENSION_NAME) === "arrow.uuid" &&
    DataType.isFixedSizeBinary(storage) &&
    storage.byteWidth === UUID_WIDTH
  );
}

/** The canonical text of 16 bytes: "123e4567-e89b-12d3-a456-426614174000". */
export function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
