import { el } from "./dom.js";

type Theme = "auto" | "light" | "dark";
const THEMES: readonly Theme[] = ["auto", "light", "dark"];

const system = window.matchMedia("(prefers-color-scheme: dark)");
let theme: Theme = "auto";
const listeners: (() => void)[] = [];

/** Whether the page is dark now. */
export function isDark(): boolean {
  return theme === "auto" ? system.matches : theme === "dark";
}

/** Calls back when the page turns light or dark. */
export function onTheme(listener: () => void): void {
  listeners.push(listener);
}

/** The choice between light, dark and what the system says. */
export function themeChoice(): HTMLElement {
  const changed = () => {
    for (const listener of listeners) listener();
  };
  system.addEventListener("change", changed);
  const choice = el(
    "select",
    {
      id: "theme",
      onchange: () => {
        theme = choice.value as Theme;
        document.documentElement.style.colorScheme = theme === "auto" ? "" : theme;
        changed();
      },
    },
    ...THEMES.map((name) => el("option", { value: name }, name)),
  );
  return el("label", { class: "theme", for: "theme" }, el("span", {}, "Theme"), choice);
}
