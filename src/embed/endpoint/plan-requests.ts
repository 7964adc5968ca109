/** Bounds of one request. */
export interface RequestBounds {
  readonly texts: number;
  /** UTF-16 units of all texts together; a longer text is sent alone. */
  readonly chars: number;
  /** A text of more units is sent alone, because the server may cut or refuse it. */
  readonly aloneAbove: number;
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
