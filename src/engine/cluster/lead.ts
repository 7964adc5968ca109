import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { isHeld } from "../../io/lock.js";
import type { ClusterOptions, SharedClustering } from "../../run/options.js";
import { isDedupFolder } from "../../run/work/dedup-folder.js";
import { MANIFEST, VERSION } from "../../run/work/manifest.js";
import { WORK } from "../../run/work/publication.js";
import { KMEANS, LOCK } from "../../run/work/work-area.js";
import type { Crew, CrewState } from "../executor.js";
import { type Desk, openDesk } from "./desk.js";
import { LEADER, type Leader, listNames, nameOf, putJson } from "./exchange.js";
import { savedStarts } from "./saved-starts.js";
import { serveShards } from "./serve.js";
import { sharedShards } from "./shared-shards.js";

/** Milliseconds without a worker after which the leader works itself. */
const ALONE_AFTER = 30_000;

/** Milliseconds between two questions to the engine. */
const ASK_ENGINE = 2000;

/** Folder of the exchange, and lock of the leader, of the run into an output folder. */
export function placesOf(out: string): { readonly folder: string; readonly leaderLock: string } {
  return { folder: join(out, WORK, KMEANS), leaderLock: join(out, WORK, LOCK) };
}

/** How a run of bge-cluster is shared. */
export interface LeadOptions {
  readonly options: ClusterOptions;
  /** Name of the engine, for the manifest. */
  readonly executor: string;
  readonly workers: number;
  /** Starts the workers, once the folder is ready for them. */
  readonly start: () => Promise<Crew>;
  readonly note: (message: string) => void;
  /** Milliseconds without a worker after which this process works itself (30,000). */
  readonly aloneAfter?: number;
}

/**
 * Leads k-means over many machines. The workers start with the first k-means of the run, not before: reading and
 * embedding need none. Where no worker is there, as in the queue of an engine or after the last one is lost, this
 * process works too.
 */
export function leadClustering(given: LeadOptions): SharedClustering {
  const { options, executor, workers, note, aloneAfter = ALONE_AFTER } = given;
  const { folder, leaderLock } = placesOf(options.out);
  const fingerprint = fingerprintOf(options);
  const saved = fingerprint.then((own) => savedStarts({ folder, fingerprint: own }));
  const ended = new AbortController();
  let leading: Promise<{ readonly desk: Desk; readonly crew: Crew }> | undefined;
  let own: Promise<void> | undefined;
  let seen = 0;

  function workAlone(reason: string): void {
    if (own !== undefined || ended.signal.aborted) return;
    note(`no worker of k-means is there (${reason}), so this process begins to work`);
    const { threads, memory } = options;
    own = serveShards({ folder, leaderLock, threads, memory, signal: ended.signal });
    own.catch(() => {});
  }

  async function lead() {
    await prepareFolder(folder, { keep: options.fresh ? undefined : await fingerprint });
    let crewState: () => CrewState | undefined = () => undefined;
    const desk = openDesk({
      folder,
      note,
      onNobody(milliseconds) {
        const state = crewState();
        if (milliseconds > aloneAfter) workAlone(state?.reason ?? `for ${Math.round(milliseconds / 1000)} s`);
        else if (state?.ended) workAlone(state.reason ?? `those of ${executor} have ended`);
      },
    });
    const crew = await given.start();
    if (crew.look !== undefined) note(`the engine shows the workers by ${crew.look}`);
    crewState = watchCrew(crew, note, ended.signal);
    return { desk, crew };
  }

  return {
    workers(store, signal) {
      leading ??= lead();
      return sharedShards({
        desk: leading.then(({ desk }) => desk),
        store,
        shards: workers,
        memory: options.memory / 2,
        signal,
      });
    },
    saved: {
      async load(start) {
        await leading;
        return (await saved).load(start);
      },
      save: async (state) => (await saved).save(state),
    },
    record: () => ({ executor, workers, seen }),
    async close() {
      if (leading === undefined || ended.signal.aborted) return;
      ended.abort(new Error("k-means is done"));
      // Workers that no longer see a leader end by themselves, even where the engine cannot stop them.
      await rm(join(folder, LEADER), { force: true });
      const led = await leading.catch(() => undefined);
      seen = led?.desk.workers.size ?? 0;
      await led?.crew.stop();
      await own?.catch(() => {});
      await clearFolder(folder, (name) => name.startsWith("saved."));
      // The folder stays where something is saved.
      await rmdir(folder).catch(() => {});
    },
  };
}

/**
 * Asks the engine for its workers again and again, one question at a time, and tells why they wait.
 * @returns a function that gives the last answer; undefined before the first one
 */
function watchCrew(crew: Crew, note: LeadOptions["note"], ended: AbortSignal): () => CrewState | undefined {
  let state: CrewState | undefined;
  let asking = false;
  const timer = setInterval(async () => {
    if (asking) return;
    asking = true;
    const before = state?.reason;
    state = await crew.state().catch(() => state);
    if (state?.reason !== undefined && state.reason !== before) note(state.reason);
    asking = false;
  }, ASK_ENGINE);
  ended.addEventListener("abort", () => clearInterval(timer));
  return () => state;
}

/**
 * Makes the folder ready for workers: what an earlier leader left goes, but for its workers that still live and the
 * states of the same run.
 * @param options.keep fingerprint of the states to keep; none if absent
 */
async function prepareFolder(folder: string, { keep }: { readonly keep?: string }): Promise<void> {
  await mkdir(folder, { recursive: true });
  const workers = (await listNames(folder)).filter((name) => name.startsWith(nameOf.worker("")));
  const alive = await Promise.all(workers.map((name) => isHeld(join(folder, name))));
  const living = new Set(workers.filter((_, w) => alive[w]));
  await clearFolder(
    folder,
    (name) => name === LEADER || living.has(name) || (keep !== undefined && name.startsWith(`saved.${keep}.`)),
  );
  await putJson(folder, LEADER, { version: VERSION } satisfies Leader);
}

/** Removes the files of the folder that are not kept. */
async function clearFolder(folder: string, isKept: (name: string) => boolean): Promise<void> {
  for (const name of await listNames(folder)) {
    if (!isKept(name)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/**
 * Identity of the rows and of everything that decides on the centroids. Raw inputs have no record of their vectors
 * before the run ends, so each run over them is another one.
 */
async function fingerprintOf(options: ClusterOptions): Promise<string> {
  const { inputs, k, iterations, tolerance, starts, spherical, seed, like } = options;
  const manifest = (dir: string) => readFile(join(dir, MANIFEST), "utf8").catch(() => randomUUID());
  const rows = isDedupFolder(inputs) ? await manifest(inputs[0]) : randomUUID();
  const former = like === undefined ? undefined : await manifest(like.folder);
  const decisive = [VERSION, rows, former, k, iterations, tolerance, starts, spherical, seed];
  return createHash("sha256").update(JSON.stringify(decisive)).digest("hex").slice(0, 16);
}
