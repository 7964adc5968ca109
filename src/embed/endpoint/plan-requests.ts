import type { LongTexts, ServedModel } from "./discovery.js";

/**
 * Most texts and UTF-16 units of a request: enough for a batch of a GPU. Sixteen such requests fit what a run holds at
 * once.
 */
const REQUEST = { texts: 64, chars: 8192 };

/** Special tokens of a text. In the vocabularies of BERT and XLM-R every other token covers at least one character. */
const SPECIAL_TOKENS = 2;

/** Bounds of one request. */
export interface RequestBounds {
  readonly texts: number;
  /** UTF-16 units of all texts together; a longer text is sent alone. */
  readonly chars: number;
  /** A text of more units is sent alone, because the server may cut or refuse it. */
  readonly aloneAbove: number;
}

/** Number of characters up to which a text is certainly either embedded whole or refused. */
export function certainChars(longTexts: LongTexts): number {
  if (longTexts.kind === "refused") return Number.POSITIVE_INFINITY;
  return (longTexts.kind === "cut" ? longTexts.tokens : longTexts.safe) - SPECIAL_TOKENS;
}

/** Bounds of the requests to a server before it has refused one. */
export function firstBounds({ longTexts, maxTexts }: ServedModel): RequestBounds {
  return {
    texts: Math.min(REQUEST.texts, maxTexts ?? REQUEST.texts),
    chars: REQUEST.chars,
    // The token count of a request with a single text shows whether the server cut the text.
    aloneAbove: longTexts.kind === "cut" ? certainChars(longTexts) : REQUEST.chars,
  };
}

/**
 * Plans requests for the texts at `members`, keeping neighbours together.
 * @returns for each request the indices of its texts
 */
export function planRequests(texts: readonly string[], members: readonly number[], bounds: RequestBounds): number[][] {
  const requests: number[][] = [];
  let open: number[] = [];
  let chars = 0;
  for (const member of members) {
    const { length } = texts[member];
    if (length > bounds.aloneAbove) {
      requests.push([member]);
      continue;
    }
    if (open.length === bounds.texts || (open.length > 0 && chars + length > bounds.chars)) {
      requests.push(open);
      open = [];
      chars = 0;
    }
    open.push(member);
    chars += length;
  }
  if (open.length > 0) requests.push(open);
  return requests;
}
