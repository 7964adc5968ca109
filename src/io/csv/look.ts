/** The delimiters that a header may show, the most common first. */
const DELIMITERS = [",", "\t", ";", "|"];

/** The name of a column as people and programs write it: no sentence. */
const NAME = /^[\p{L}_][\p{L}\p{N}_ .:/()-]{0,63}$/u;

/** The first line by which Excel says what separates the fields of the lines below. */
export const SEPARATOR_LINE = /^sep=(.)$/i;

/** The delimiter of a header: the first of comma, tab, semicolon and bar that stands outside of quotes; else a comma. */
export function delimiterOf(text: string): string {
  const [header = ""] = firstLines(text, 1);
  const said = SEPARATOR_LINE.exec(header)?.[1];
  if (said !== undefined) return said;
  const bare = header.replaceAll(/"[^"]*"/g, "");
  return DELIMITERS.find((delimiter) => bare.includes(delimiter)) ?? ",";
}

/**
 * True where a text begins like CSV: a header of two names or more, all different, and lines with as many fields. Only
 * for files whose name does not say so.
 */
export function looksLikeCsv(text: string): boolean {
  const delimiter = delimiterOf(text);
  const [header = "", ...rows] = firstLines(text, 20);
  const names = fieldsOf(header, delimiter);
  if (names.length < 2 || new Set(names).size < names.length || !names.every((name) => NAME.test(name))) return false;
  // Quoted line ends make short lines, so most of the lines must fit, not all.
  const fit = rows.filter((row) => fieldsOf(row, delimiter).length === names.length).length;
  return rows.length > 0 && 2 * fit > rows.length;
}

function firstLines(text: string, count: number): string[] {
  return text
    .split(/\r\n|\n|\r/, count + 1)
    .filter((line) => line !== "")
    .slice(0, count);
}

function fieldsOf(line: string, delimiter: string): string[] {
  const bare = line.replaceAll(/"(?:[^"]|"")*"/g, (quoted) => quoted.replaceAll(delimiter, " "));
  return bare.split(delimiter).map((field) => field.trim().replace(/^"(.*)"$/, "$1"));
}
