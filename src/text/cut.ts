const encoder = new TextEncoder();

/**
 * Cuts a text to a number of bytes in UTF-8, never within a character.
 * @returns the text itself where it fits
 */
export function cutToBytes(text: string, bytes: number): string {
  // A UTF-16 unit takes 3 bytes at most.
  if (text.length * 3 <= bytes) return text;
  const { read } = encoder.encodeInto(text, new Uint8Array(bytes));
  return read === text.length ? text : text.slice(0, read);
}
