import { Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

/**
 * What a decoder of node:zlib makes of stored bytes. The decoder keeps what it is given, so a chunk may not be reused.
 * @throws the error of `stored` or of the decoder, as it is
 */
export async function* throughDecoder(
  stored: AsyncIterable<Uint8Array>,
  decoder: Transform,
): AsyncGenerator<Uint8Array> {
  // Its failure reaches the loop below through the decoder, which it destroys with the same error.
  const feeding = pipeline(Readable.from(stored, { highWaterMark: 1 }), decoder).catch(() => {});
  for await (const chunk of decoder) yield chunk;
  await feeding;
}
