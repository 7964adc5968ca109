import { Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

/**
 * Yields the bytes that a decoder of node:zlib makes of `stored`. The decoder holds on to the chunks that it is given,
 * so the producer of `stored` must not reuse their memory.
 * @throws the error of `stored` or of the decoder, unchanged
 */
export async function* throughDecoder(
  stored: AsyncIterable<Uint8Array>,
  decoder: Transform,
): AsyncGenerator<Uint8Array> {
  // An error of the pipeline destroys the decoder with the same error, so the loop below throws it.
  const feeding = pipeline(Readable.from(stored, { highWaterMark: 1 }), decoder).catch(() => {});
  for await (const chunk of decoder) yield chunk;
  await feeding;
}
