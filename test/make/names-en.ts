import { readPackageFile } from "./package-file.js";

/** A rule of a Hunspell dictionary: what an affix takes from a stem, what it adds, and to which stems. */
interface Affix {
  readonly suffix: boolean;
  readonly strip: number;
  readonly add: string;
  readonly condition: RegExp;
}

function affixes(dictionary: string): Map<string, Affix[]> {
  const rules = new Map<string, Affix[]>();
  for (const line of readPackageFile(`${dictionary}/index.aff`).split("\n")) {
    const [kind, flag, strip, add, condition] = line.trim().split(/\s+/);
    if ((kind !== "PFX" && kind !== "SFX") || condition === undefined) continue;
    const suffix = kind === "SFX";
    const rule = {
      suffix,
      strip: strip === "0" ? 0 : strip.length,
      add: add === "0" ? "" : add,
      condition: new RegExp(suffix ? `${condition}$` : `^${condition}`),
    };
    rules.set(flag, [...(rules.get(flag) ?? []), rule]);
  }
  return rules;
}

/** The stem with its affixes, prefix and suffix together too. */
function forms(stem: string, rules: readonly Affix[]): string[] {
  const apply = (word: string, suffix: boolean) =>
    rules
      .filter((rule) => rule.suffix === suffix && rule.condition.test(word))
      .map(({ strip, add }) => (suffix ? word.slice(0, word.length - strip) + add : add + word.slice(strip)));
  const suffixed = [stem, ...apply(stem, true)];
  return [...suffixed, ...suffixed.flatMap((word) => apply(word, false))];
}

/**
 * What is written with a capital and yet names nobody: titles and forms of address, marks of time, ways to write to
 * each other, things of every household, and the many names of the United States, which texts exchange freely.
 */
const NO_NAMES = new Set(
  `mr mrs ms messrs dr st jr sr esq phd md ba ma bs
  monday tuesday wednesday thursday friday saturday sunday mon tue tues thu thurs fri
  january february april june july september october november december feb apr jul aug sept oct nov dec
  gmt est edt cst cdt mst mdt pst pdt utc ad bc bce eta am pm
  us usa america american americans states english internet web net
  tv tvs pc pcs cd cds dvd id ids ok okay atm atms pin pins sms url urls faq faqs ceo ceos cfo vip vips dj djs ac dc hq ps pps
  ii iii iv vi vii viii ix xi xii xiii xiv xv xvi xvii xviii xix xx
  asap btw imho imo lol fyi rsvp diy aka hdtv lcd led gps usb vcr suv suvs rv
  christmas xmas easter god gods lord jesus christ bible`.split(/\s+/),
);

/** Words of either kind that texts without capitals nearly always mean as names. */
const NAMES_NEVERTHELESS = new Set(
  `afghan amazon apple barbie basque bob bobby boolean brad byzantine chad chevron chihuahua china colt coke
  cox dalmatian danish dell dick doberman dutch facebook fiat ford french fritz google griffin guinea harry hector
  hogan homer hoover jaguar japan jimmy joey john johnny josh jersey ken lance lee lynch manila maria martin mike
  molly moscow nelson newton nick nokia oxford peter phoenix playboy polish porsche python roman romeo shanghai sheila
  smith stetson swede swift ted terry tom tony turkey twitter uber veronica victor welsh wellington xerox yahoo`.split(
    /\s+/,
  ),
);

/** Frequent short words; a name of three letters that is one letter away is more often a typo of one of them. */
const FREQUENT = new Set(
  `the and for was are can how why you not but has had his her its our out all any who did get got may new now one two
  use see way off too yet say him she they when what with from that this will have been were does your my me to do is it
  in on at of or so up by an am as be he if no we go`.split(/\s+/),
);

/** Names of two letters that are no abbreviations of ordinary words, states of America or units. */
const SHORT = new Set(["uk", "eu", "un"]);

function isTooShort(name: string): boolean {
  if (name.length < 3) return !SHORT.has(name);
  if (name.length > 3) return false;
  return [...FREQUENT].some(
    (word) =>
      Math.abs(word.length - 3) <= 1 &&
      [0, 1, 2, 3].some((at) => {
        const tail = name.slice(at + 1);
        const head = name.slice(0, at);
        if (word.length === 2) return head + tail === word;
        if (word.length === 3) return word.slice(0, at) === head && word.slice(at + 1) === tail;
        return word.slice(0, at) + word.slice(at + 1) === name;
      }),
  );
}

/** Words that dictionaries do not have, and contractions that lost their apostrophe. */
const UNWRITTEN = `wifi email emails online app apps cheque cheques
  arent couldnt didnt doesnt dont hadnt hasnt havent isnt mightnt mustnt neednt shouldnt wasnt werent wont wouldnt cant aint
  youre youve youll theyre theyve weve whats thats theres heres lets ive im id ill`.split(/\s+/);

/** Titles of brands that are one word. */
function brands(): string[] {
  const icons = JSON.parse(readPackageFile("simple-icons/data/simple-icons.json")) as { readonly title: string }[];
  return icons.map(({ title }) => title.toLowerCase()).filter((title) => /^[a-z]{4,24}$/.test(title));
}

/** Class of every English word of two letters and more, in lower case: "+" ordinary, "=" a name, "&" either. */
export function englishWords(): Map<string, string> {
  const ordinary = new Set<string>(UNWRITTEN);
  const names = new Set<string>(brands());
  for (const dictionary of ["dictionary-en", "dictionary-en-gb"]) {
    const rules = affixes(dictionary);
    for (const line of readPackageFile(`${dictionary}/index.dic`).split("\n").slice(1)) {
      const [stem, flags = ""] = line.trim().split("/");
      const name = stem !== stem.toLowerCase();
      const applied = [...flags].flatMap((flag) => rules.get(flag) ?? []);
      for (const form of name ? [stem] : forms(stem, applied)) {
        const word = form.toLowerCase().normalize("NFKC");
        if (/^[a-z]{2,24}$/.test(word)) (name ? names : ordinary).add(word);
      }
    }
  }
  const classOf = (word: string) => {
    if (!names.has(word) || NO_NAMES.has(word)) return "+";
    if (ordinary.has(word) && !NAMES_NEVERTHELESS.has(word)) return "&";
    return isTooShort(word) ? "+" : "=";
  };
  return new Map([...ordinary, ...names, ...NO_NAMES].map((word) => [word, classOf(word)]));
}
