import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Desk, openDesk } from "../../src/engine/cluster/desk.js";
import { LEADER, putJson } from "../../src/engine/cluster/exchange.js";
import { serveShards } from "../../src/engine/cluster/serve.js";
import { takeLock } from "../../src/io/lock.js";
import { VERSION } from "../../src/run/work/manifest.js";

/** A leader and workers of k-means in this process, over a folder of their own. */
export interface InProcess {
  readonly folder: string;
  readonly desk: Desk;
  readonly notes: string[];
  /** Starts a worker; the function returned ends it as a signal would. */
  work(): () => Promise<void>;
  /** Ends the leader and the workers. */
  close(): Promise<void>;
}

/**
 * Opens an exchange in `folder`, without workers.
 * @param slowAfter as `openDesk` has it
 */
export async function openInProcess(folder: string, slowAfter?: number): Promise<InProcess> {
  await mkdir(folder, { recursive: true });
  const leaderLock = `${folder}.lock`;
  const release = await takeLock(leaderLock);
  await putJson(folder, LEADER, { version: VERSION });
  const notes: string[] = [];
  const desk = openDesk({ folder, note: (message) => notes.push(message), onNobody: () => {}, slowAfter });
  const ends: (() => Promise<void>)[] = [];
  return {
    folder,
    desk,
    notes,
    work() {
      const stop = new AbortController();
      const serving = serveShards({ folder, leaderLock, threads: 1, memory: 2 ** 32, signal: stop.signal });
      serving.catch(() => {});
      const end = async () => {
        stop.abort(new Error("the worker was stopped"));
        await serving.catch(() => {});
      };
      ends.push(end);
      return end;
    },
    async close() {
      for (const end of ends) await end();
      await release();
    },
  };
}

/** Waits until a file whose name matches is in a folder, and returns its name. */
export async function fileIn(folder: string, pattern: RegExp): Promise<string> {
  for (;;) {
    const found = (await readdir(folder).catch(() => [])).find((name) => pattern.test(name));
    if (found !== undefined) return found;
    await sleep(2);
  }
}

/** Path of the folder in which a run into `out` exchanges its files. */
export const exchangeOf = (out: string) => join(out, ".work", "kmeans");
