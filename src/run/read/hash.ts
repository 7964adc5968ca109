import { hash } from "node:crypto";

/**
 * SHA-256 of a text's UTF-8 bytes, cut to its first 128 bits: four words, most significant first, written to
 * `into[0..4)`, which the caller owns. Among 10^9 texts two different ones share a value with probability 2^-69.
 *
 * Node would encode every lone surrogate as U+FFFD and so make different texts equal. Such a text is hashed as its
 * UTF-16 bytes behind 0xFF, a byte that UTF-8 never has.
 */
export function hash128(text: string, into: Uint32Array): void {
  const bytes = text.isWellFormed() ? text : Buffer.concat([LONE_MARK, Buffer.from(text, "utf16le")]);
  // One character a byte: a string of this kind is cheaper to get from OpenSSL than a buffer.
  const digest = hash("sha256", bytes, "binary");
  for (let word = 0; word < 4; word++) {
    const at = 4 * word;
    into[word] =
      (digest.charCodeAt(at) << 24) |
      (digest.charCodeAt(at + 1) << 16) |
      (digest.charCodeAt(at + 2) << 8) |
      digest.charCodeAt(at + 3);
  }
}

const LONE_MARK = Buffer.of(0xff);
