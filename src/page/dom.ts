/** What an element may hold. Strings become text nodes, so no text of a user is ever markup. */
export type Child = Node | string | number | undefined | false | readonly Child[];

/** Attributes by name; `true` stands for an empty one, `undefined` and `false` for none. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined | ((event: Event) => void)>>;

/** Makes an element. An attribute that begins with `on` and is a function listens to the event of that name. */
export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(parent: Node, children: readonly Child[]): void {
  for (const child of children) {
    if (child === undefined || child === false) continue;
    if (Array.isArray(child)) append(parent, child);
    else parent.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Replaces all children of an element. */
export function fill(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren();
  append(element, children);
}

/** A section of the page with its heading; the navigation links to its id. */
export function section(id: string, heading: string, ...children: readonly Child[]): HTMLElement {
  return el(
    "section",
    { id, "aria-labelledby": `${id}-heading` },
    el("h2", { id: `${id}-heading` }, heading),
    ...children,
  );
}

/** A table with a caption for those who do not see it. Columns of numbers stand right. */
export function table(options: {
  readonly caption: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly Child[])[];
  /** Indices of the columns of numbers. */
  readonly numbers?: readonly number[];
  /** Whether it takes the whole width of the page, for columns of texts. */
  readonly wide?: boolean;
}): HTMLElement {
  const { caption, head, rows, numbers = [], wide = false } = options;
  const side = (i: number) => ({ class: numbers.includes(i) ? "number" : undefined });
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    el(
      "table",
      { class: wide && "wide" },
      el("caption", { class: "unseen" }, caption),
      el("thead", {}, el("tr", {}, ...head.map((name, i) => el("th", { scope: "col", ...side(i) }, name)))),
      el(
        "tbody",
        {},
        ...rows.map((cells) =>
          el(
            "tr",
            {},
            ...cells.map((cell, i) =>
              el(i === 0 ? "th" : "td", { ...(i === 0 ? { scope: "row" } : {}), ...side(i) }, cell),
            ),
          ),
        ),
      ),
    ),
  );
}
