/** "《…》", and quotation marks, which `normalise` has made one. */
const TITLE = /<<([^<>"]{1,60})>>|"([^"]{1,60})"/g;

/**
 * Adds the quoted titles of a text to `into`, without spaces and punctuation. Where quotation marks do not pair up, or
 * what they hold is a sentence rather than a title, nothing is taken.
 * @param text in the form that `normalise` gives
 */
export function takeTitles(text: string, into: Set<string>): void {
  const marks = text.split('"').length - 1;
  if (marks === 0 && !text.includes("<<")) return;
  for (const [, book, quoted] of text.matchAll(TITLE)) {
    if (quoted !== undefined && (marks % 2 === 1 || isSpeech(quoted))) continue;
    const title = (book ?? quoted).replace(/[^\p{L}\p{N}]/gu, "");
    if (title !== "") into.add(title);
  }
}

/** Whether what stands in quotation marks is somebody's words rather than a title. */
function isSpeech(quoted: string): boolean {
  return /[.,!?;]$/.test(quoted) || quoted.split(" ").length > 6;
}
