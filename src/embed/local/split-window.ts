import type { EmbeddedWindow, TokenParts } from "./embedder.js";

/**
 * Cuts a window between texts into at most `pieces` windows with about equal numbers of tokens, for sessions side by
 * side. The pieces keep the order of the texts and own their buffers. A window that is not cut is returned as it is.
 */
export function splitWindow(window: TokenParts, pieces: number): TokenParts[] {
  const { ids, offsets, firstPart } = window;
  const texts = (firstPart ?? offsets).length - 1;
  if (pieces < 2 || texts < 2) return [window];
  const partOf = (text: number) => (firstPart === undefined ? text : firstPart[text]);
  const cut: TokenParts[] = [];
  for (let from = 0, to = 0; from < texts; from = to) {
    const share = (ids.length * (cut.length + 1)) / pieces;
    while (to < texts && (to === from || offsets[partOf(to)] < share)) to++;
    if (cut.length === pieces - 1) to = texts;
    const [first, last] = [partOf(from), partOf(to)];
    const start = offsets[first];
    cut.push({
      ids: ids.slice(start, offsets[last]),
      offsets: offsets.slice(first, last + 1).map((offset) => offset - start),
      firstPart: firstPart?.slice(from, to + 1).map((part) => part - first),
    });
  }
  return cut;
}

/** Joins the vectors of a window's pieces, in order. */
export function joinVectors(pieces: readonly EmbeddedWindow[]): EmbeddedWindow {
  if (pieces.length === 1) return pieces[0];
  const sum = (of: (piece: EmbeddedWindow) => number) => pieces.reduce((total, piece) => total + of(piece), 0);
  const vectors = new Float32Array(sum(({ vectors }) => vectors.length));
  const directed = new Uint8Array(sum(({ directed }) => directed.length));
  let [value, text] = [0, 0];
  for (const piece of pieces) {
    vectors.set(piece.vectors, value);
    directed.set(piece.directed, text);
    value += piece.vectors.length;
    text += piece.directed.length;
  }
  return {
    vectors,
    directed,
    tokens: sum(({ tokens }) => tokens),
    paddedTokens: sum(({ paddedTokens }) => paddedTokens),
    notes: pieces.flatMap(({ notes = [] }) => notes),
  };
}
