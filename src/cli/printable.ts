/** One line: control characters of file names and the like must not steer a terminal, line ends not forge another line. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  const controls = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
  return text.replace(/\s*[\r\n]+\s*/g, " ").replace(controls, "\ufffd");
}

/** JSON on one line, which no control character in a name can leave or steer a terminal from; its value is the same. */
export function jsonLine(value: unknown): string {
  const steering = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
  const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return `${JSON.stringify(value).replace(steering, escaped)}\n`;
}
