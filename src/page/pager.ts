import { el, fill } from "./dom.js";
import { count } from "./format.js";

/** Buttons that turn the pages of a list. */
export interface Pager {
  readonly element: HTMLElement;
  /** Shows the first page of a list of `total` items. */
  reset(total: number): void;
}

/**
 * Makes the buttons.
 * @param options.name of the list, for screen readers
 * @param options.show draws the items from `start` on
 */
export function pager(options: {
  readonly name: string;
  readonly size: number;
  readonly show: (start: number) => void;
}): Pager {
  const { name, size, show } = options;
  let [start, total] = [0, 0];
  const place = el("span", { class: "place", role: "status" });
  const turn = (to: number) => () => {
    start = Math.max(0, Math.min(to, last()));
    draw();
  };
  const last = () => Math.max(0, Math.floor((total - 1) / size) * size);
  const button = (words: string, to: () => number) =>
    el("button", { type: "button", "aria-label": `${words}, ${name}`, onclick: () => turn(to())() }, words);
  const [first, back, next, end] = [
    button("First", () => 0),
    button("Previous", () => start - size),
    button("Next", () => start + size),
    button("Last", last),
  ];
  const draw = () => {
    show(start);
    fill(
      place,
      total === 0 ? "none" : `${count(start + 1)}–${count(Math.min(total, start + size))} of ${count(total)}`,
    );
    // A disabled button loses the focus; one that says so keeps it.
    for (const [each, off] of [
      [first, start === 0],
      [back, start === 0],
      [next, start >= last()],
      [end, start >= last()],
    ] as const) {
      each.setAttribute("aria-disabled", String(off));
    }
    element.hidden = total <= size;
  };
  const element = el("nav", { class: "pager", "aria-label": `Pages: ${name}` }, first, back, place, next, end);
  return {
    element,
    reset(items) {
      total = items;
      turn(0)();
    },
  };
}
