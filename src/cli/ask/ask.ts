import { UsageError } from "../../errors.js";
import type { AskRun } from "../../run/calibrate-ask.js";
import { marksFor } from "../marked.js";
import { widthOf } from "../text-width.js";
import { type Command, Keyboard, type KeyboardInput } from "./keyboard.js";
import { screenLines } from "./screen.js";

/** A terminal that questions are drawn on: standard error, so that standard output stays for the result. */
export type AskScreen = NodeJS.WriteStream;

/** The other screen of a terminal without its cursor, and back: what was on the terminal before returns. */
const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";

/**
 * Makes sure that a person can be asked.
 * @throws UsageError where keys or screen are no terminal
 */
export function requireTerminal(keys: { isTTY?: boolean }, screen: { isTTY?: boolean }): void {
  if (keys.isTTY === true && screen.isTTY === true) return;
  const which = keys.isTTY === true ? "standard error" : "standard input";
  throw new UsageError(
    `--ask shows pairs on a terminal and takes single keys, but ${which} is no terminal; run it in one, or judge pairs ` +
      "elsewhere and give them by --pairs FILE (text_a, text_b, label)",
  );
}

/**
 * Asks a person pair by pair until the session is settled, all `most` questions are answered, or the person quits. Each
 * answer is on disk before the next pair is shown. However it ends, the terminal is as it was.
 * @throws the signal's reason once that is aborted, as by Ctrl-C
 */
export async function ask(options: {
  run: AskRun;
  most: number;
  input: KeyboardInput;
  screen: AskScreen;
  signal: AbortSignal;
}): Promise<void> {
  const { run, most, screen, signal } = options;
  const { session } = run;
  const keyboard = new Keyboard(options.input);
  const redraw = () => keyboard.push("redraw");
  const enter = () => {
    screen.write(ENTER);
    keyboard.open();
  };
  const leave = () => {
    keyboard.close();
    screen.write(LEAVE);
  };
  screen.on("resize", redraw);
  signal.addEventListener("abort", redraw);
  // A process that ends by an error elsewhere must not leave a raw terminal behind.
  process.once("exit", leave);
  enter();
  try {
    await keyboard.forgetEarlier();
    signal.throwIfAborted();
    while (session.at < most && run.pair() !== undefined && !(session.settled && session.before === undefined)) {
      draw(run, most, screen);
      const command = await keyboard.next();
      signal.throwIfAborted();
      if (command === "quit") return;
      if (command === "suspend") await suspend(enter, leave);
      else await obey(command, run);
    }
  } finally {
    process.off("exit", leave);
    signal.removeEventListener("abort", redraw);
    screen.off("resize", redraw);
    leave();
  }
}

async function obey(command: Exclude<Command, "quit" | "suspend">, run: AskRun): Promise<void> {
  switch (command) {
    case "yes":
      return run.answer(true);
    case "no":
      return run.answer(false);
    case "skip":
      return run.answer(undefined);
    case "back":
      run.session.back();
      return;
    case "interrupt":
      // In raw mode the terminal sends no signal by itself. The signal's handler aborts, which ends the loop.
      process.kill(process.pid, "SIGINT");
      return;
    case "redraw":
  }
}

/**
 * Stops the process as Ctrl-Z does. The shell that brings it back to the foreground lets the timer end; without a shell
 * that controls jobs the process does not stop, and the question returns at once.
 */
async function suspend(enter: () => void, leave: () => void): Promise<void> {
  if (process.platform === "win32") return;
  leave();
  process.kill(process.pid, "SIGTSTP");
  await new Promise((resolve) => setTimeout(resolve, 50));
  enter();
}

/** Draws the question over whatever the screen shows. */
function draw(run: AskRun, most: number, screen: AskScreen): void {
  const { session } = run;
  const pair = run.pair();
  if (pair === undefined) return;
  const { same, different } = session.judged;
  const lines = screenLines(
    {
      ...pair,
      question: session.at + 1,
      most,
      before: session.before,
      estimate: same + different > 0 ? session.estimate() : undefined,
    },
    { columns: widthOf(screen), rows: screen.rows || 24 },
    marksFor(screen),
  );
  screen.write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join("\r\n")}\x1b[J`);
}
