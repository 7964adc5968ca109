import { MOST_RESTARTS, type WorkOrder } from "../executor.js";
import type { Phase } from "../stage.js";
import { parseWords } from "./parse-words.js";
import { wordsOfPhase } from "./phase-words.js";

/** Flags of `--executor kubernetes` behind `--`. */
export const FLAGS = [
  "image",
  "claim",
  "mount",
  "namespace",
  "context",
  "cpu",
  "memory",
  "gpu",
  "node-selector",
  "service-account",
  "secret",
  "user",
  "ttl",
] as const;
/** Name of a flag of Kubernetes. */
export type Flag = (typeof FLAGS)[number];
/** The flags that are given, with their values. */
export type Flags = Partial<Record<Flag, string>>;

/** Label of everything that belongs to a run. */
export const RUN_LABEL = "bge-dedup/run";

/** Seconds after which Kubernetes deletes a job that has ended, unless --ttl says otherwise. */
const KEPT_FOR = "3600";
/** Exit codes that end every worker of a run in the same way: a new pod would end at once. */
const FAILED_RUN = [1, 2, 3, 4, 5];

/** What a job of a run is made of. */
export interface JobOptions {
  readonly order: WorkOrder;
  readonly phase: Phase;
  /** Name of the run in the cluster. */
  readonly run: string;
  /** Where the volume is mounted, in the pods as on this machine. */
  readonly mount: string;
  /** Name of a Secret whose keys become variables of the workers' environment. */
  readonly secret?: string;
  /** Numbers of the user and the group that the workers run as; absent where the image decides. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

/** Name of the job of a phase. */
export const jobName = (run: string, phase: Phase): string => `${run}-${phase}`;

/**
 * The Job of a phase as an object for JSON. A worker is an index of the Job. The first that ends well ends the Job, because
 * the phase is done then; a worker whose pod never found a node holds up nobody.
 */
export function jobManifest(options: JobOptions): object {
  const { order, phase, run } = options;
  const flags: Flags = parseWords(wordsOfPhase(order.engineArguments, phase), FLAGS);
  const labels = { "app.kubernetes.io/name": "bge-dedup", [RUN_LABEL]: run, "bge-dedup/phase": phase };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: jobName(run, phase), labels },
    spec: {
      completionMode: "Indexed",
      completions: order.workers,
      parallelism: order.workers,
      successPolicy: { rules: [{ succeededCount: 1 }] },
      // An eviction does not count.
      backoffLimitPerIndex: MOST_RESTARTS,
      podFailurePolicy: {
        rules: [
          { action: "FailJob", onExitCodes: { operator: "In", values: FAILED_RUN } },
          { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
        ],
      },
      ttlSecondsAfterFinished: Number(flags.ttl ?? KEPT_FOR),
      template: { metadata: { labels }, spec: podSpec(options, flags) },
    },
  };
}

function podSpec({ order, phase, mount, secret, user }: JobOptions, flags: Flags): object {
  const [key, value] = flags["node-selector"]?.split("=") ?? [];
  // The image has a Node and a bge-dedup of its own, on its PATH.
  const command = order.command(phase);
  const script = command.findIndex((word) => /\.[cm]?js$/.test(word));
  const program = command[script].replace(/^.*[\\/]/, "").replace(/\.[cm]?js$/, "");
  const words = command.slice(script + 1);
  // A worker sees all processors of its node, not those that it may use.
  const threads = order.threads === undefined && flags.cpu !== undefined ? ["--threads", `${cores(flags.cpu)}`] : [];
  return {
    restartPolicy: "Never",
    ...(flags["service-account"] !== undefined && { serviceAccountName: flags["service-account"] }),
    ...(key !== undefined && { nodeSelector: { [key]: value } }),
    ...(user !== undefined && { securityContext: { runAsUser: user.uid, runAsGroup: user.gid } }),
    containers: [
      {
        name: "worker",
        image: flags.image,
        command: [program, ...words, ...threads],
        // A user who is not in the image has no home.
        env: [{ name: "HOME", value: "/tmp" }],
        ...(secret !== undefined && { envFrom: [{ secretRef: { name: secret } }] }),
        resources: resources(flags),
        volumeMounts: [{ name: "shared", mountPath: mount }],
      },
    ],
    volumes: [{ name: "shared", persistentVolumeClaim: { claimName: flags.claim } }],
  };
}

/** Whole processors of a quantity such as 4 or 3500m, at least one. */
export function cores(quantity: string): number {
  const number = quantity.endsWith("m") ? Number(quantity.slice(0, -1)) / 1000 : Number(quantity);
  return Math.max(1, Math.floor(number));
}

function resources({ cpu, memory, gpu }: Flags): object {
  const sizes = { ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memory }) };
  const device = gpu === undefined || gpu === "0" ? {} : { "nvidia.com/gpu": gpu };
  // Processors are not limited, since a limit only slows a worker down; memory and GPUs have to be.
  const { cpu: _, ...limits } = { ...sizes, ...device } as Record<string, string>;
  return { requests: { ...sizes, ...device }, limits };
}

/** The Secret that carries variables of this process's environment to the workers. */
export function secretManifest(run: string, variables: Readonly<Record<string, string>>): object {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: run, labels: { "app.kubernetes.io/name": "bge-dedup", [RUN_LABEL]: run } },
    type: "Opaque",
    stringData: variables,
  };
}
