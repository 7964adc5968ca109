/**
 * A text as one safe line. Control characters, as in file names, would steer the terminal and become U+FFFD; line ends
 * would forge further lines and become spaces.
 */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  const controls = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
  return text.replace(/\s*[\r\n]+\s*/g, " ").replace(controls, "\ufffd");
}

/**
 * JSON of the same value on one line, with a line end. Control characters are escaped, so that none steers the
 * terminal.
 */
export function jsonLine(value: unknown): string {
  const steering = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
  const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return `${JSON.stringify(value).replace(steering, escaped)}\n`;
}
