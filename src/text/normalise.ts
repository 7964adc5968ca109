/**
 * The form under which two texts count as the same: NFKC, full case folding, no invisible characters, one width of
 * punctuation, single spaces. Without the last two, that is NFKC_Casefold of Unicode (UAX #31, section 5.1.3). A run of
 * spaces becomes one space, and no space inside a text disappears, not even beside Chinese characters or punctuation:
 * "打 车" and "打车" stay different here and are left to the vectors.
 */

/**
 * Default_Ignorable_Code_Point of Unicode 16 (zero-width characters, joiners, byte order mark, soft hyphen, bidi marks,
 * variation selectors, tags, Hangul fillers), written out so that every engine removes the same characters; also
 * control characters that are no white space, and interlinear annotation marks. A variation selector only chooses how
 * the character before it is drawn, so "❤️" becomes "❤". The price: flags spelt in tags all become the same black flag.
 */
const INVISIBLE = new RegExp(
  String.raw`(?:(?![\t-\r\x85])\p{Cc}|\xad|\u034f|\u061c|[\u115f\u1160]|[\u17b4\u17b5]|[\u180b-\u180f]|[\u200b-\u200f]|` +
    String.raw`[\u202a-\u202e]|[\u2060-\u206f]|\u3164|[\ufe00-\ufe0f]|\ufeff|\uffa0|[\ufff0-\ufffb]|` +
    String.raw`[\u{1bca0}-\u{1bca3}]|[\u{1d173}-\u{1d17a}]|[\u{e0000}-\u{e0fff}])+`,
  "gu",
);

/** White_Space of Unicode. NFKC and INVISIBLE leave only a part of it, but the list is complete in itself. */
const SPACES = /[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/g;

/**
 * One form for punctuation that NFKC leaves in two widths or scripts. NFKC has already turned the full-width block
 * （！，：；？（）～ and so on) into ASCII and "…" into dots. Primes stay, and so does the fraction slash, which would turn "1½"
 * into "11/2".
 */
const PUNCTUATION: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ".": "。",
    ",": "、",
    ":": "∶",
    "[": "【〔〖",
    "]": "】〕〗",
    "<": "〈‹",
    ">": "〉›",
    "<<": "《«",
    ">>": "》»",
    '"': "“”„‟「」〝〞〟",
    "'": "‘’‚‛『』",
    "-": "‐‑‒–—―−",
    "~": "〜∼",
    "·": "・•‧∙⋅",
    "...": "⋯",
  }).flatMap(([form, variants]) => Array.from(variants, (variant): [string, string] => [variant, form])),
);
const VARIANT = new RegExp(`[${[...PUNCTUATION.keys()].join("")}]`, "g");

/** Iota below or beside a Greek vowel, which folds to a letter of its own. */
const IOTA_SUBSCRIPT = /[\u0345\u1f80-\u1faf\u1fb3\u1fc3\u1ff3\u1fb2\u1fb4\u1fb7\u1fc2\u1fc4\u1fc7\u1ff2\u1ff4\u1ff7]/;

/** Lower-case characters that survive NFKC and that CaseFolding.txt, status C and F, still folds. */
const FOLDED: ReadonlyMap<string, string> = new Map([
  ["ß", "ss"],
  ["ς", "σ"],
  ["\u1c80", "в"],
  ["\u1c81", "д"],
  ["\u1c82", "о"],
  ["\u1c83", "с"],
  ["\u1c84", "т"],
  ["\u1c85", "т"],
  ["\u1c86", "ъ"],
  ["\u1c87", "ѣ"],
  ["\u1c88", "ꙋ"],
]);
const UNFOLDED = /[ßς\u1c80-\u1c88]/g;

/**
 * Full case folding as in CaseFolding.txt, by `toLowerCase` and its Unicode tables. Independent of the locale: "İ"
 * becomes "i" with a dot above and "ı" stays, as without the Turkic (T) lines.
 */
function foldCase(text: string): string {
  let folded = text.toLowerCase().replace(UNFOLDED, (letter) => FOLDED.get(letter) as string);
  if (IOTA_SUBSCRIPT.test(folded)) folded = folded.normalize("NFD").replaceAll("\u0345", "ι");
  return folded;
}

function normaliseOnce(text: string): string {
  return foldCase(text.replace(INVISIBLE, "").normalize("NFKC"))
    .replace(VARIANT, (mark) => PUNCTUATION.get(mark) as string)
    .replace(SPACES, " ")
    .trim();
}

/**
 * Normal form of any text by the engine's own functions. One step may make room for an earlier one, so the steps repeat
 * until nothing changes. `normalise` gives the same result faster.
 */
export function normaliseAny(text: string): string {
  let before = text;
  let after = normaliseOnce(text);
  while (after !== before) {
    before = after;
    after = normaliseOnce(before);
  }
  return after;
}

/**
 * FORMS[unit] is the form of a UTF-16 unit whose neighbours do not affect it: one unit, SPACE or THREE_DOTS. UNKNOWN
 * sends the whole text through `normaliseAny`. The table is filled by that same function, so a range that is wrong here
 * costs time and cannot change a result.
 */
const UNKNOWN = 0;
const THREE_DOTS = 1;
const SPACE = 0x20;
const FORMS = everydayForms();

function everydayForms(): Uint16Array {
  const forms = new Uint16Array(0x10000);
  // ASCII and Latin-1, general punctuation, CJK punctuation with kana, full-width ASCII.
  for (const [first, last] of [
    [0x09, 0xff],
    [0x2000, 0x206f],
    [0x3000, 0x30ff],
    [0xff01, 0xff60],
  ]) {
    for (let unit = first; unit <= last; unit++) {
      // Between two letters, so that a space is not trimmed away.
      const form = normaliseAny(`x${String.fromCharCode(unit)}x`).slice(1, -1);
      // Combining marks, those of kana among them, merge with the character before them.
      if (form === "...") forms[unit] = THREE_DOTS;
      else if (form.length === 1 && !/\p{M}/u.test(form)) forms[unit] = form.charCodeAt(0);
    }
  }
  // Unified ideographs and their extension A have neither decomposition nor case.
  for (let unit = 0x3400; unit <= 0x4dbf; unit++) forms[unit] = unit;
  for (let unit = 0x4e00; unit <= 0x9fff; unit++) forms[unit] = unit;
  return forms;
}

/** Longer texts are normalised in pieces, since `fromCharCode` takes its arguments from the stack. */
const LONGEST_EVERYDAY = 4096;
const scratch = new Uint16Array(3 * LONGEST_EVERYDAY);

/**
 * Normal form of a text; the same string where the text is in normal form already. Idempotent, never throws, keeps lone
 * surrogates. The result is the same on every engine whose Unicode version knows the characters.
 */
export function normalise(text: string): string {
  const length = text.length;
  if (length > LONGEST_EVERYDAY) return normaliseLong(text);
  let size = 0;
  let same = true;
  let spaced = true; // no space at the start, none after a space
  for (let at = 0; at < length; at++) {
    const unit = text.charCodeAt(at);
    const form = FORMS[unit];
    if (form > SPACE) {
      if (form !== unit) same = false;
      scratch[size++] = form;
      spaced = false;
    } else if (form === SPACE) {
      if (spaced || unit !== SPACE) same = false;
      if (!spaced) scratch[size++] = SPACE;
      spaced = true;
    } else if (form === UNKNOWN) {
      return normaliseAny(text);
    } else {
      same = false;
      spaced = false;
      scratch[size] = scratch[size + 1] = scratch[size + 2] = 0x2e;
      size += 3;
    }
  }
  if (spaced && size > 0) {
    size--;
    same = false;
  }
  return same ? text : String.fromCharCode.apply(null, scratch.subarray(0, size) as unknown as number[]);
}

/**
 * Normalises piece by piece, cut between two characters that their neighbours do not affect: on a text of 60 MB the
 * engine's own functions make 1.5 GB of intermediate strings.
 */
function normaliseLong(text: string): string {
  const pieces: string[] = [];
  for (let start = 0; start < text.length; ) {
    let end = Math.min(text.length, start + LONGEST_EVERYDAY);
    while (end < text.length && !(FORMS[text.charCodeAt(end - 1)] > SPACE && FORMS[text.charCodeAt(end)] > SPACE))
      end++;
    const piece = text.slice(start, end);
    pieces.push(piece.length > LONGEST_EVERYDAY ? normaliseAny(piece) : normalise(piece));
    start = end;
  }
  return pieces.join("");
}
