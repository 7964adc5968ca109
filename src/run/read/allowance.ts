/**
 * Share of `--memory` that parsed columns of JSONL may take between the passes. At 4 GB this share holds the columns of
 * a million short records.
 */
export const KEPT_SHARE = 1 / 16;

/** Returns a function that grants requests for bytes until their sum would exceed `bytes`. */
export function allowance(bytes: number): (wanted: number) => boolean {
  let left = bytes;
  return (wanted) => {
    if (wanted > left) return false;
    left -= wanted;
    return true;
  };
}
