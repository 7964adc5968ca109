import { readPackageFile } from "./package-file.js";

/** A rule of a Hunspell dictionary: what an affix takes from a stem, what it adds, and to which stems. */
interface Affix {
  readonly suffix: boolean;
  readonly strip: number;
  readonly add: string;
  readonly condition: RegExp;
}

function affixes(): Map<string, Affix[]> {
  const rules = new Map<string, Affix[]>();
  for (const line of readPackageFile("dictionary-en/index.aff").split("\n")) {
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

/** Class of every English word of two letters and more, in lower case: "+" ordinary, "=" a name, "&" either. */
export function englishWords(): Map<string, string> {
  const rules = affixes();
  const ordinary = new Set<string>();
  const names = new Set<string>();
  for (const line of readPackageFile("dictionary-en/index.dic").split("\n").slice(1)) {
    const [stem, flags = ""] = line.trim().split("/");
    const name = stem !== stem.toLowerCase();
    const applied = [...flags].flatMap((flag) => rules.get(flag) ?? []);
    for (const form of name ? [stem] : forms(stem, applied)) {
      const word = form.toLowerCase().normalize("NFKC");
      if (/^[a-z]{2,24}$/.test(word)) (name ? names : ordinary).add(word);
    }
  }
  const classOf = (word: string) => {
    if (!names.has(word) || NO_NAMES.has(word)) return "+";
    return ordinary.has(word) && !NAMES_NEVERTHELESS.has(word) ? "&" : "=";
  };
  return new Map([...ordinary, ...names, ...NO_NAMES].map((word) => [word, classOf(word)]));
}
