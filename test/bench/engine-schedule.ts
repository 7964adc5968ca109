import {
  countDropTasks,
  dropTask,
  type JoinCut,
  partsOfDrop,
  rangeOfBlock,
  rowGroupOfBlock,
} from "../../src/engine/join/cut.js";

/** A task of a schedule: its name, its seconds, and the names of the tasks it waits for. */
export interface ScheduledTask {
  readonly name: string;
  readonly seconds: number;
  readonly needs: readonly string[];
}

/**
 * Seconds until all tasks are done by workers that each take the first task that may start, in the order of the list.
 * @param overhead seconds that a worker spends on each task beside its work
 */
export function makespan(tasks: readonly ScheduledTask[], workers: number, overhead = 0): number {
  const numbers = new Map(tasks.map(({ name }, number) => [name, number]));
  const open = tasks.map(({ needs }) => needs.length);
  const waiting: number[][] = tasks.map(() => []);
  for (const [number, { needs }] of tasks.entries())
    for (const need of needs) waiting[numbers.get(need) as number].push(number);
  /** Tasks that may start, last in the list first, and those at work, latest end first. */
  const ready = [...tasks.keys()].filter((number) => open[number] === 0).reverse();
  const running: { number: number; end: number }[] = [];
  let now = 0;
  for (let done = 0; done < tasks.length; done++) {
    while (running.length < workers && ready.length > 0) {
      const number = ready.pop() as number;
      const end = now + tasks[number].seconds + overhead;
      running.splice(
        firstIndex(running, (other) => other.end <= end),
        0,
        { number, end },
      );
    }
    const next = running.pop();
    if (next === undefined) throw new Error(`${tasks.length - done} tasks can never start`);
    now = next.end;
    for (const number of waiting[next.number]) {
      if (--open[number] === 0)
        ready.splice(
          firstIndex(ready, (other) => other <= number),
          0,
          number,
        );
    }
  }
  return now;
}

/** The first index whose entry fulfils a condition that all later ones fulfil too. */
function firstIndex<T>(list: readonly T[], condition: (entry: T) => boolean): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (condition(list[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Seconds of the longest chain of tasks that wait for one another: no number of workers is faster. */
export function criticalPath(tasks: readonly ScheduledTask[]): number {
  return makespan(tasks, tasks.length);
}

/** Seconds that a task of the join takes: for itself, for each vector it reads and codes, and for each pair it multiplies. */
export interface TaskCost {
  readonly task: number;
  readonly vector: number;
  readonly pair: number;
}

/** What a task of the join has done. */
export interface TaskWork {
  readonly vectors: number;
  readonly pairs: number;
  readonly seconds: number;
}

/** Fits the cost of tasks by least squares of the relative errors; no part of it is negative. */
export function fitCost(works: readonly TaskWork[]): TaskCost {
  const rows = works.map(({ vectors, pairs, seconds }) => [1, vectors, pairs].map((value) => value / seconds));
  const cost = [0, 0, 0];
  // A part that the fit makes negative costs nothing, and the others are fitted anew.
  for (let parts = [0, 1, 2]; parts.length > 0; ) {
    const fitted = solve(
      parts.map((i) => [
        ...parts.map((j) => rows.reduce((sum, row) => sum + row[i] * row[j], 0)),
        rows.reduce((sum, row) => sum + row[i], 0),
      ]),
    );
    const positive = parts.filter((_, i) => fitted[i] > 0);
    if (positive.length === parts.length) for (const [i, part] of parts.entries()) cost[part] = fitted[i];
    if (positive.length === parts.length) break;
    parts = positive;
  }
  const [task, vector, pair] = cost;
  return { task, vector, pair };
}

/** Solves linear equations by elimination; each row has its right side at the end. Changes the matrix. */
function solve(matrix: number[][]): number[] {
  for (let i = 0; i < matrix.length; i++) {
    for (let k = 0; k < matrix.length; k++) {
      if (k === i) continue;
      const factor = matrix[k][i] / matrix[i][i];
      for (let j = i; j <= matrix.length; j++) matrix[k][j] -= factor * matrix[i][j];
    }
  }
  return matrix.map((row, i) => row[matrix.length] / row[i]);
}

/** Tasks of a join in which no vector is removed, with the seconds that they would take; decisions come first. */
export function modelledTasks(cut: JoinCut, cost: TaskCost): ScheduledTask[] {
  const size = (block: number) => {
    const [first, end] = rangeOfBlock(block, cut);
    return end - first;
  };
  const seconds = (vectors: number, pairs: number) => cost.task + cost.vector * vectors + cost.pair * pairs;
  const tasks: ScheduledTask[] = [];
  for (let block = 0; block < cut.blocks; block++) {
    const [own, before] = [size(block), block > 0 ? size(block - 1) : 0];
    const needs = block > 0 ? [`decide ${block - 1}`] : [];
    if (block > 1) needs.push(`drop ${dropTask(block - 2, rowGroupOfBlock(block, cut), cut)}`);
    tasks.push({ name: `decide ${block}`, needs, seconds: seconds(own + before, own * (before + own / 2)) });
  }
  for (let task = 0; task < countDropTasks(cut); task++) {
    const { block, group } = partsOfDrop(task, cut);
    const needs = [`decide ${block}`];
    if (block > 0) needs.push(`drop ${dropTask(block - 1, group, cut)}`);
    let rows = 0;
    for (let later = block + 2; later < cut.blocks; later++)
      if (rowGroupOfBlock(later, cut) === group) rows += size(later);
    tasks.push({ name: `drop ${task}`, needs, seconds: seconds(rows + size(block), rows * size(block)) });
  }
  return tasks;
}
