import { CsvError, type Options, parse } from "csv-parse/sync";
import { InputError } from "../../errors.js";
import type { JsonObject } from "../jsonl/numbers.js";
import type { BadRecord, RecordBlock } from "../jsonl/record-block.js";
import type { RecordFormat } from "../record-file.js";
import { SEPARATOR_LINE } from "./look.js";
import { csvRecords } from "./records.js";

/**
 * CSV with a header (RFC 4180) as a format of records: quoted line ends and quotes, any delimiter of one character, a
 * byte order mark, the first line "sep=;" of Excel. In a file with tabs, quotes that do not enclose a field are part of
 * the text, as most of its writers put none. Every value is a string, exactly as written, so that 007 stays 007; an empty field is an empty
 * string. A column without a name is called column_N by its position. A record with more or fewer fields than the header
 * is a fault of that record.
 * @param name of the file, for errors
 * @param delimiter one ASCII character
 */
export function csvFormat(name: string, delimiter: string): RecordFormat {
  let header: readonly string[] = [];
  const options: Options = {
    delimiter,
    relax_column_count: true,
    // A quote in the middle of a field is an ordinary character; a faulty quote at its start never comes here.
    relax_quotes: delimiter !== "\t",
    record_delimiter: "\n",
    max_record_size: 0,
  };
  return {
    async *split(chunks) {
      for await (const block of csvRecords(chunks, { delimiter: delimiter.charCodeAt(0) })) {
        let first = 0;
        if (header.length === 0 && isSeparatorLine(block.lines[0])) first++;
        if (header.length === 0 && first < block.lines.length) header = readHeader(block.lines[first++], name, options);
        yield first === 0 ? block : { lines: block.lines.slice(first), numbers: block.numbers.slice(first) };
      }
    },
    parse: (lines) => parseRecords(lines, header, options),
  };
}

function readHeader(line: string | BadRecord, name: string, options: Options): string[] {
  if (typeof line !== "string") throw new InputError(`${name}: its header cannot be read: ${line.error}`);
  const [fields] = parseFields([line], options) ?? [];
  if (fields === undefined) throw new InputError(`${name}: its header cannot be read: its quotes do not match`);
  const header = fields.map((field, i) => field || `column_${i + 1}`);
  const twice = header.find((field, i) => header.indexOf(field) !== i);
  if (twice !== undefined) {
    throw new InputError(`${name}: two columns are named ${JSON.stringify(twice)}: rename one of them in the header`);
  }
  return header;
}

/** The line by which Excel says what separates the fields of the lines below. */
function isSeparatorLine(line: string | BadRecord | undefined): boolean {
  return typeof line === "string" && SEPARATOR_LINE.test(line);
}

/** The objects that records hold, or why they hold none; records with quotes are parsed together, as that is faster. */
function parseRecords(lines: RecordBlock["lines"], header: readonly string[], options: Options) {
  const quoted = lines.filter((line) => typeof line === "string" && line.includes('"')) as string[];
  const together = quoted.length > 0 ? parseFields(quoted, options) : undefined;
  let next = 0;
  return lines.map((line) => {
    if (typeof line !== "string") return line.error;
    const plain = !line.includes('"');
    const fields = plain ? line.split(options.delimiter as string) : (together?.[next++] ?? fieldsOf(line, options));
    if (fields === undefined) return "not valid CSV: its quotes do not match";
    if (fields.length !== header.length) {
      const count = fields.length === 1 ? "1 field" : `${fields.length} fields`;
      return `the record has ${count}, expected ${header.length} as in the header`;
    }
    return recordOf(header, fields);
  });
}

/** The fields of a record; in a file with tabs, quotes that do not enclose a field are part of the text. */
function fieldsOf(line: string, options: Options): string[] | undefined {
  const [fields] = parseFields([line], options) ?? [];
  return fields ?? (options.delimiter === "\t" ? line.split("\t") : undefined);
}

/** The fields of each record; undefined where the parser does not find as many records as there are lines. */
function parseFields(lines: readonly string[], options: Options): string[][] | undefined {
  try {
    const records = parse(lines.join("\n"), options) as unknown as string[][];
    return records.length === lines.length ? records : undefined;
  } catch (error) {
    if (error instanceof CsvError) return undefined;
    throw error;
  }
}

function recordOf(header: readonly string[], fields: readonly string[]): JsonObject {
  const record: JsonObject = {};
  for (let i = 0; i < header.length; i++) {
    // Assigning this name would set the prototype.
    if (header[i] === "__proto__") {
      Object.defineProperty(record, header[i], { value: fields[i], enumerable: true, writable: true });
    } else record[header[i]] = fields[i];
  }
  return record;
}
