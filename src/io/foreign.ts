import { shellWord } from "../shell-word.js";
import type { Compression } from "./compress/decompress.js";

/** A format that this program does not read. */
interface ForeignFormat {
  /** The bytes by which the format is recognised, a character each. */
  readonly magic: string;
  /** Where they stand; default 0. */
  readonly at?: number;
  /** True where a text may begin with the magic too, which has none of the control characters of such a file. */
  readonly letters?: true;
  readonly what: string;
  /** How to get the content in; `file` is a word for a shell. */
  readonly cure: (file: string) => string;
}

/**
 * Says how to get a file in through a command that turns it into JSON lines.
 * @param name of the file; "-" for standard input, which already comes from some command
 */
export function readThrough(command: string, name: string, compression?: Compression): string {
  const unpacked = compression === undefined ? [] : [`${compression} -dc`];
  const commands = [...unpacked, command];
  if (name === "-") commands.unshift("...");
  else commands[0] += ` ${shellWord(name)}`;
  return `read it by: ${commands.join(" | ")} | bge-dedup -`;
}

function pipe(command: string): ForeignFormat["cure"] {
  return (file) => `read it by: ${command} ${file} | bge-dedup -`;
}

const toParquet: ForeignFormat["cure"] = () => "convert it to Parquet";

/** The formats that people try, with the command that gets their content in. */
const FOREIGN: readonly ForeignFormat[] = [
  { magic: "BZh", what: "bzip2", cure: pipe("bzip2 -dc") },
  { magic: "\xfd7zXZ\0", what: "xz", cure: pipe("xz -dc") },
  { magic: "\x04\x22\x4d\x18", what: "lz4", cure: pipe("lz4 -dc") },
  { magic: "PK\x03\x04", what: "a zip archive", cure: pipe("unzip -p") },
  { magic: "7z\xbc\xaf\x27\x1c", what: "a 7z archive", cure: pipe("7z x -so") },
  { magic: "ustar", at: 257, what: "a tar archive", cure: pipe("tar -xOf") },
  { magic: "Obj\x01", what: "Avro", cure: toParquet },
  { magic: "ORC", letters: true, what: "ORC", cure: toParquet },
  { magic: "\x89HDF", what: "HDF5", cure: toParquet },
  { magic: "SQLite format 3\0", what: "an SQLite database", cure: () => "export the table as CSV or JSON lines" },
  { magic: "%PDF", what: "PDF", cure: () => "extract the text into JSON lines" },
];

/**
 * Recognises such a format; undefined where a file is none of them.
 * @param start of the file, a character for each byte
 */
export function foreignFormat(start: string): ForeignFormat | undefined {
  const isBinary = Array.from(start).some((char) => char.charCodeAt(0) <= 8);
  return FOREIGN.find(({ magic, at = 0, letters }) => start.startsWith(magic, at) && (isBinary || !letters));
}

/** How to get the content of a URL in, by its scheme. */
const FETCHERS: Readonly<Record<string, string>> = {
  http: "curl -fsSL",
  https: "curl -fsSL",
  s3: "aws s3 cp",
  s3a: "aws s3 cp",
  gs: "gcloud storage cat",
  hdfs: "hdfs dfs -cat",
};

/** Says how to get the content of a URL in; undefined where an input is no URL. */
export function remoteCure(input: string, word: string): string | undefined {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(input)?.[1].toLowerCase();
  if (scheme === undefined) return undefined;
  const fetcher = FETCHERS[scheme];
  if (fetcher === undefined) return "copy it to this machine first";
  return `read it by: ${fetcher} ${word}${fetcher.endsWith(" cp") ? " -" : ""} | bge-dedup -`;
}
