import { isUtf8 } from "node:buffer";
import { readThrough } from "./foreign.js";
import { headText } from "./recognise.js";
import type { ToldReject } from "./source.js";

/** Encodings of Chinese, Japanese and Western text that are tried on bytes that are not UTF-8, with iconv's names. */
const ENCODINGS = [
  ["gb18030", "GB18030"],
  ["big5", "BIG5"],
  ["shift_jis", "SHIFT_JIS"],
  ["windows-1252", "WINDOWS-1252"],
] as const;

/**
 * Why no record of a file could be used, in one sentence with the cure, from the first bytes of the file and its first
 * reject; undefined where the reject says it all.
 * @param options.path where the content lies
 * @param options.name as people know the file
 * @param options.alone whether the reject is the only record
 */
export async function likelyCause(options: {
  readonly path: string;
  readonly name: string;
  readonly reject: ToldReject;
  readonly alone: boolean;
}): Promise<string | undefined> {
  const { path, name, reject, alone } = options;
  const { error, raw, rawBase64 } = reject;
  const { bytes, text, compression } = await headText(path, name);
  const pipe = (command: string) => readThrough(command, name, compression);
  if (rawBase64 === true) return encodingCause(Buffer.from(raw, "base64"), pipe);
  const start = text.trimStart();
  if (bytes.includes(0)) return "it holds binary data; is --input-format the right one?";
  if (start.startsWith("<")) return "it holds HTML or XML; extract its text into JSON lines";
  if (start.startsWith("{") && !isJson(start.split("\n", 1)[0])) {
    return `it holds JSON objects over several lines; ${pipe("jq -c .")}`;
  }
  const record = parsed(raw);
  if (typeof record === "string") return `its records are strings, not objects; ${pipe("jq -c '{text: .}'")}`;
  if (Array.isArray(record)) return listCause(record, alone, pipe);
  if (typeof record === "object" && record !== null) {
    const list = Object.entries(record).find(([, value]) => Array.isArray(value) && typeof value[0] === "object");
    if (list === undefined) return "--text-field names another field than the text";
    return `if the records are the elements of ${JSON.stringify(list[0])}, ${pipe(`jq -c '.[${JSON.stringify(list[0])}][]'`)}`;
  }
  if (/^not valid JSON/.test(error) && /\p{L}/u.test(start)) {
    return `its lines are no JSON; if each is a text, ${pipe("jq -cR '{text: .}'")}`;
  }
  return undefined;
}

/** The cure for lists in place of objects; a single list may hold all the records. */
function listCause(list: readonly unknown[], alone: boolean, pipe: (command: string) => string): string {
  const place = (values: readonly unknown[]) =>
    Math.max(
      0,
      values.findIndex((value) => typeof value === "string"),
    );
  if (!alone) return `its records are lists, not objects; ${pipe(`jq -c '{text: .[${place(list)}]}'`)}`;
  const [first] = list;
  const element = Array.isArray(first) ? `.[${place(first)}]` : ".";
  return `it is a list of ${Array.isArray(first) ? "lists" : "strings"}, not of objects; ${pipe(`jq -c '.[] | {text: ${element}}'`)}`;
}

function encodingCause(bytes: Buffer, pipe: (command: string) => string): string {
  const found = ENCODINGS.find(([label]) => isText(bytes, label));
  const encoding = found === undefined ? "ENCODING" : found[1];
  const guess = found === undefined ? "" : ` and could be ${encoding}`;
  return `its bytes are not UTF-8${guess}; ${pipe(`iconv -f ${encoding} -t UTF-8`)}`;
}

function isText(bytes: Buffer, label: string): boolean {
  try {
    return !isUtf8(bytes) && new TextDecoder(label, { fatal: true }).decode(bytes) !== "";
  } catch {
    return false;
  }
}

function parsed(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
}

function isJson(text: string): boolean {
  return parsed(text) !== undefined;
}
