import { emitKeypressEvents } from "node:readline";

/** What a key means to the person who judges pairs. */
export type Command = "yes" | "no" | "skip" | "back" | "quit" | "interrupt" | "suspend" | "redraw";

/** A key as Node reports it. */
interface Key {
  readonly name?: string;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
}

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ["y", "yes"],
  ["n", "no"],
  ["s", "skip"],
  ["b", "back"],
  ["q", "quit"],
]);
const CONTROLS: ReadonlyMap<string, Command> = new Map([
  ["c", "interrupt"],
  ["d", "quit"],
  ["z", "suspend"],
  ["l", "redraw"],
]);

/** How long a terminal takes at most to hand over the keys that it kept. */
const EARLIER_MS = 50;

/** A keyboard: standard input where it is a terminal. */
export interface KeyboardInput extends NodeJS.ReadableStream {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

/** The command of a key; undefined for keys without a meaning. */
export function commandOf({ name = "", ctrl = false, meta = false }: Key): Command | undefined {
  if (meta) return undefined;
  return ctrl ? CONTROLS.get(name) : COMMANDS.get(name);
}

/**
 * Reads single keys. In raw mode a terminal hands over each key at once and shows none; Ctrl-C is then a key like any
 * other.
 */
export class Keyboard {
  readonly #input: KeyboardInput;
  readonly #waiting: Command[] = [];
  #wake: (() => void) | undefined;
  #ended = false;
  readonly #onKey = (_: string | undefined, key: Key) => {
    const command = commandOf(key);
    if (command !== undefined) this.push(command);
  };
  readonly #onEnd = () => {
    this.#ended = true;
    this.#wake?.();
  };

  constructor(input: KeyboardInput) {
    this.#input = input;
    emitKeypressEvents(input);
  }

  /** Takes the keyboard over. */
  open(): void {
    this.#input.setRawMode?.(true);
    this.#input.on("keypress", this.#onKey).on("end", this.#onEnd);
    this.#input.resume();
  }

  /** Gives the keyboard back as it was. */
  close(): void {
    this.#input.off("keypress", this.#onKey).off("end", this.#onEnd);
    this.#input.setRawMode?.(false);
    this.#input.pause();
  }

  /**
   * Forgets the keys that a terminal kept from before it was taken over. Whoever pressed them has not seen the question
   * that they would answer.
   */
  async forgetEarlier(): Promise<void> {
    if (this.#input.isTTY !== true) return;
    await new Promise((resolve) => setTimeout(resolve, EARLIER_MS));
    this.#waiting.length = 0;
  }

  /** Puts a command behind the keys that wait, as a new size of the terminal does. */
  push(command: Command): void {
    this.#waiting.push(command);
    this.#wake?.();
  }

  /** The next command; "quit" once the terminal is gone. */
  async next(): Promise<Command> {
    while (this.#waiting.length === 0) {
      if (this.#ended) return "quit";
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#waiting.shift() as Command;
  }
}
