import type { TextsRequest } from "./messages.js";

/** The message that takes a window of texts to a worker; `ends.buffer` may move with it. */
export function textsRequest(texts: readonly string[]): TextsRequest {
  const ends = new Uint32Array(texts.length);
  let end = 0;
  for (let i = 0; i < texts.length; i++) ends[i] = end += texts[i].length;
  return { joined: texts.join(""), ends };
}
