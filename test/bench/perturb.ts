/**
 * Seeded damage done to texts, to measure how much of it a model sees through. Each kind takes the code points of a text
 * and gives the damaged ones, or null where the text does not allow it (no second clause to swap).
 */
export type Perturbation = (text: readonly string[], random: () => number) => string[] | null;

const PUNCTUATION = /[，,。！!？?：:;；、\s…—\-"“”《》()（）【】]/;
const CLAUSE_END = /[，,。！!？?：:;；、 …]/;

const below = (random: () => number, bound: number): number => Math.floor(random() * bound);

/** The kinds asked of Chinese titles; `pool` gives the characters put in, best drawn from the titles themselves. */
export function chinesePerturbations(pool: readonly string[]): Record<string, Perturbation> {
  const draw = (random: () => number) => pool[below(random, pool.length)];
  const typo: Perturbation = (text, random) => {
    const damaged = [...text];
    let at = below(random, text.length);
    for (let tries = 0; PUNCTUATION.test(text[at]) && tries < 100; tries++) at = below(random, text.length);
    while (damaged[at] === text[at]) damaged[at] = draw(random);
    return damaged;
  };
  return {
    "1 character changed": typo,
    "2 characters changed": (text, random) => typo(typo(text, random) as string[], random),
    punctuation(text, random) {
      const damaged = text.filter((character) => !PUNCTUATION.test(character) || random() < 0.5);
      damaged.splice(1 + below(random, damaged.length), 0, "，");
      return [...damaged, "！"];
    },
    "full/half width": (text) =>
      text.map((character) => {
        const code = character.charCodeAt(0);
        if (code > 0x20 && code < 0x7f) return String.fromCharCode(code + 0xfee0);
        return code > 0xff00 && code < 0xff5f ? String.fromCharCode(code - 0xfee0) : character;
      }),
    "1-3 inserted": (text, random) => {
      const damaged = [...text];
      const inserted = Array.from({ length: 1 + below(random, 3) }, () => draw(random));
      damaged.splice(below(random, text.length + 1), 0, ...inserted);
      return damaged;
    },
    "1-2 deleted": (text, random) => {
      const damaged = [...text];
      const gone = 1 + below(random, 2);
      damaged.splice(below(random, text.length - gone + 1), gone);
      return damaged;
    },
    "clauses swapped": (text) => {
      const middle = text.length / 2;
      let cut = -1;
      for (let at = 2; at < text.length - 2; at++) {
        if (CLAUSE_END.test(text[at]) && Math.abs(at - middle) < Math.abs(cut - middle)) cut = at;
      }
      return cut < 0 ? null : [...text.slice(cut + 1), "，", ...text.slice(0, cut)];
    },
  };
}

const LETTERS = Array.from("abcdefghijklmnopqrstuvwxyz");

function words(change: (words: string[], random: () => number) => string[]): Perturbation {
  return (text, random) => Array.from(change(text.join("").split(" "), random).join(" "));
}

/** The kinds asked of English sentences; `pool` gives the words put in. */
export function englishPerturbations(pool: readonly string[]): Record<string, Perturbation> {
  const typo: Perturbation = (text, random) => {
    const damaged = [...text];
    let at = below(random, text.length);
    for (let tries = 0; !/[a-z]/i.test(text[at]) && tries < 100; tries++) at = below(random, text.length);
    while (damaged[at] === text[at]) damaged[at] = LETTERS[below(random, LETTERS.length)];
    return damaged;
  };
  return {
    "1 letter changed": typo,
    "2 letters changed": (text, random) => typo(typo(text, random) as string[], random),
    punctuation: (text, random) => [...text.filter((c) => !PUNCTUATION.test(c) || c === " " || random() < 0.5), "!"],
    "1 word inserted": words((list, random) =>
      list.toSpliced(below(random, list.length + 1), 0, pool[below(random, pool.length)]),
    ),
    "1 word deleted": words((list, random) => list.toSpliced(below(random, list.length), 1)),
    "halves swapped": words((list) => [...list.slice(list.length >> 1), ...list.slice(0, list.length >> 1)]),
  };
}
