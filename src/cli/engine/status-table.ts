import { counted, grouped } from "../../counted.js";
import type { RunStatus, StageStatus } from "../../engine/status.js";
import { shellWord } from "../../shell-word.js";
import { duration } from "../pace.js";
import { printable } from "../printable.js";
import { columnsOf, fitted } from "../text-width.js";

/** Failures and hosts that are shown; `--json` has all of them. */
const SHOWN = 5;

/**
 * The state of a run for a person: a line that says how it stands, a table of the stages, and what has failed with its
 * cure.
 * @param width columns of the terminal
 */
export function formatStatus(status: RunStatus, width: number): string {
  const run = shellWord(status.folder);
  if (status.state === "finished") return finished(status, run);
  const stages = status.stages.filter(({ tasks }) => tasks !== 0);
  const lines = [...headlines(status, run, width), "", ...stageTable(stages), ...warningLines(status)];
  lines.push(...failureLines(status), ...nextLines(status, run));
  return lines.map((line) => `${fitted(printable(line), width)}\n`).join("");
}

function finished({ counts = {} }: RunStatus, run: string): string {
  const { read, kept, removed, rejected } = counts;
  const rows = [read, kept, removed, rejected].every((value) => typeof value === "number")
    ? `: ${counted(read, "row")}, ${grouped(kept)} kept, ${grouped(removed)} removed, ${grouped(rejected)} rejected`
    : "";
  return `${printable(run)} is finished${rows}\n`;
}

/** How the run stands, and who works on it. */
function headlines({ state, hosts, stages }: RunStatus, run: string, width: number): string[] {
  const done = stages.reduce((sum, stage) => sum + stage.done, 0);
  const known = stages.reduce((sum, { tasks }) => sum + (tasks ?? 0), 0);
  const more = stages.some(({ tasks }) => tasks === null) ? " or more" : "";
  const stands = ` ${state === "failed" ? "failed; " : ""}${grouped(done)} of ${grouped(known)}${more} tasks done`;
  const name = `${run}:`;
  // Of a long path its end says more.
  const first = columnsOf(name + stands) <= width ? name : `…${name.slice(columnsOf(stands) + 1 - width)}`;
  const workers = hosts.reduce((sum, host) => sum + host.workers, 0);
  if (workers === 0) return [first + stands, ...(state === "idle" ? ["no worker is at work"] : [])];
  const shown = hosts.slice(0, SHOWN).map(({ host, workers: here }) => (hosts.length > 1 ? `${host} ${here}` : host));
  const where = hosts.length > 1 ? `${counted(hosts.length, "host")}: ` : "";
  return [
    first + stands,
    `${counted(workers, "worker")} at work on ${where}${shown.join(", ")}${hosts.length > SHOWN ? ", ..." : ""}`,
  ];
}

const HEAD = ["stage", "done", "running", "failed", "waiting", "rate", "left"];

/** The table of the stages; the first column is aligned to the left, numbers to the right. */
function stageTable(stages: readonly StageStatus[]): string[] {
  const rows = [HEAD, ...stages.map(stageRow)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((cells) => columnsOf(cells[column]))));
  return rows.map((cells) =>
    cells
      .map((cell, column) => {
        const blank = " ".repeat(widths[column] - columnsOf(cell));
        return column === 0 ? `  ${cell}${blank}` : `${blank}${cell}`;
      })
      .join("  ")
      .trimEnd(),
  );
}

function stageRow(stage: StageStatus): string[] {
  const { tasks, done, running, failed, waiting } = stage;
  if (tasks === null) return [stage.stage, "-", "", "", "", "", ""];
  const number = (value: number | null) => (value === 0 || value === null ? "" : grouped(value));
  const share = `${grouped(done)} of ${grouped(tasks)}`;
  return [stage.stage, share, number(running), number(failed), number(waiting), rateOf(stage), leftOf(stage)];
}

function rateOf({ rate, amount, tasks, done, seconds }: StageStatus): string {
  if (rate?.amount_per_second !== undefined && amount !== undefined) {
    const many = rate.amount_per_second >= 1e7;
    const number = many ? `${grouped(rate.amount_per_second / 1e6)} M` : grouped(rate.amount_per_second);
    return `${number} ${amount.unit}/s`;
  }
  if (rate !== undefined) return `${grouped(rate.tasks_per_minute)} tasks/min`;
  return done === tasks && done > 0 ? `${perTask(seconds / done)} a task` : "";
}

const perTask = (seconds: number) => (seconds < 10 ? `${seconds.toFixed(1)}s` : duration(seconds));

function leftOf({ seconds_left, tasks, done }: StageStatus): string {
  if (tasks === done) return "done";
  return seconds_left === undefined ? "" : duration(seconds_left);
}

function warningLines({ warnings = [] }: RunStatus): string[] {
  return warnings.length === 0 ? [] : ["", ...warnings.flatMap((warning) => wrapped(`warning: ${warning}`))];
}

function failureLines({ failures, error }: RunStatus): string[] {
  if (error !== undefined) {
    return ["", ...wrapped(`error: ${error.message}`), ...(error.exit_code === 1 ? [] : ["", CURE])];
  }
  if (failures.length === 0) return [];
  const lines = failures
    .slice(-SHOWN)
    .flatMap(({ stage, index, host, message }) => wrapped(`${stage} ${index} on ${host}: ${message}`, "  "));
  return ["", `${counted(failures.length, "task")} failed and will be tried again:`, ...lines];
}

const CURE = "Mend that, then give the command again, with other flags if they were wrong.";

function nextLines({ state }: RunStatus, run: string): string[] {
  return state === "idle" ? ["", `Start workers on any machine that shares the folder: bge-dedup work ${run}`] : [];
}

/** A message in lines of words. */
function wrapped(message: string, indent = "", width = 78): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of message.split(/\s+/)) {
    if (line.trim() !== "" && columnsOf(`${line} ${word}`) > width) {
      lines.push(line);
      line = `${indent}  `;
    }
    line += line.trim() === "" ? word : ` ${word}`;
  }
  return [...lines, line];
}
