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
  const done = new Set<string>();
  const running: { name: string; end: number }[] = [];
  const waiting = [...tasks];
  let now = 0;
  while (waiting.length > 0 || running.length > 0) {
    for (let i = 0; i < waiting.length && running.length < workers; ) {
      const { name, seconds, needs } = waiting[i];
      if (!needs.every((need) => done.has(need))) i++;
      else {
        running.push({ name, end: now + seconds + overhead });
        waiting.splice(i, 1);
      }
    }
    if (running.length === 0) throw new Error(`${waiting.length} tasks can never start`);
    running.sort((a, b) => a.end - b.end);
    const [{ name, end }] = running.splice(0, 1);
    now = end;
    done.add(name);
  }
  return now;
}

/** Seconds of the longest chain of tasks that wait for one another: no number of workers is faster. */
export function criticalPath(tasks: readonly ScheduledTask[]): number {
  return makespan(tasks, tasks.length);
}
