import { lstatSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "node:test";
import { type FetchOptions, fetchModel } from "../../src/models/hub/hub.js";
import type { HubSettings } from "../../src/models/hub/settings.js";
import { FakeHub, noise, type Received, sha256 } from "./fake-hub.js";

export const WEIGHTS = noise(300_000, 1);
export const TOKENIZER = noise(40_000, 2);
export const CONFIG = Buffer.from('{"hidden_size":8}');
/** A repository with what is wanted and what is not; its weights are noise, which nobody opens here. */
export const MODEL: ReadonlyMap<string, Buffer> = new Map([
  ["README.md", Buffer.from("# not wanted")],
  ["config.json", CONFIG],
  ["onnx/model.onnx", WEIGHTS],
  ["onnx/model_fp16.onnx", noise(2000, 3)],
  ["pytorch_model.bin", noise(5000, 4)],
  ["tokenizer.json", TOKENIZER],
]);
export const NAME = "owner/bge-tiny";

/** Fresh for each test of a file that imports this. */
export let hub: FakeHub;
/** Folder that holds the cache, `hub`, and nothing else. */
export let root: string;
export let settings: HubSettings;
/** What the reporter was told. */
export let notes: string[];
/** What its stages were told: total, then each advance, then "end". */
export let stages: (number | "end")[][];

beforeEach(async () => {
  hub = await new FakeHub().start();
  hub.repositories.set(NAME, MODEL);
  root = mkdtempSync(join(tmpdir(), "hub-"));
  settings = {
    endpoint: hub.endpoint,
    cache: join(root, "hub"),
    offline: false,
    patience: { answer: 800, stall: 1000, backoff: 4 },
  };
  notes = [];
  stages = [];
});
afterEach(async () => {
  await hub.stop();
  rmSync(root, { recursive: true });
});

/** Fetches the tiny model from the fake hub unless told otherwise. */
export function fetchTiny(options: Partial<FetchOptions> = {}): Promise<string> {
  const reporter: FetchOptions["reporter"] = {
    note: (message) => notes.push(message),
    stage(_, total) {
      const calls: (number | "end")[] = [total];
      stages.push(calls);
      return { advance: (done) => calls.push(done), end: () => calls.push("end") };
    },
  };
  return fetchModel({ repository: NAME, dtype: "auto", settings, reporter, ...options });
}

/** Every file and link below a folder. */
export function tree(folder: string): string[] {
  const paths = readdirSync(folder, { recursive: true }) as string[];
  return paths.filter((path) => !lstatSync(join(folder, path)).isDirectory());
}

/** Whether a request is one to the content network for the weights. */
export function isWeights({ host, url }: Received): boolean {
  return host === "cdn" && url.includes(sha256(WEIGHTS));
}
