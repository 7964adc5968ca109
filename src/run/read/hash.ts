import { hash } from "node:crypto";

/**
 * Writes the first 128 bits of the SHA-256 of a text's UTF-8 bytes to `into[0..4)`, which the caller owns: four words,
 * most significant first. Among 10^9 different texts, two share a value with probability 2^-69 (n² / 2^129 with n =
 * 2^30).
 *
 * Node would encode every lone surrogate as U+FFFD and so make different texts equal. Such a text is hashed as its
 * UTF-16 bytes behind 0xFF, a byte that UTF-8 never contains.
 */
export function hash128(text: string, into: Uint32Array): void {
  hashInto(text.isWellFormed() ? text : Buffer.concat([LONE_MARK, Buffer.from(text, "utf16le")]), into);
}

/** Writes the hash of a record that has no text, by a name of its own: as `hash128`, but that of no text. */
export function hashWithoutText(name: string, into: Uint32Array): void {
  hashInto(Buffer.concat([NO_TEXT_MARK, Buffer.from(name)]), into);
}

function hashInto(bytes: string | Buffer, into: Uint32Array): void {
  // The digest comes as a string of one character a byte, which OpenSSL's binding returns faster than a buffer.
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

/** Marks the UTF-16 bytes of a text with a lone surrogate. */
const LONE_MARK = Buffer.of(0xff);
/** Marks the name of a record without a text: a byte that UTF-8 never contains either. */
const NO_TEXT_MARK = Buffer.of(0xfe);

const words = new Uint32Array(4);

/** The first 64 of these 128 bits as one number, for where only few texts are compared. */
export function hash64(text: string): bigint {
  hash128(text, words);
  return (BigInt(words[0]) << 32n) | BigInt(words[1]);
}
