import type { CrewState } from "../executor.js";

/** What is read of a Job that kubectl shows. */
export interface Job {
  readonly metadata: { readonly name: string };
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

/** What is read of a Pod. */
export interface Pod {
  readonly metadata: { readonly name: string };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
    readonly containerStatuses?: readonly {
      readonly state?: {
        readonly waiting?: { readonly reason?: string; readonly message?: string };
        readonly terminated?: { readonly reason?: string; readonly exitCode?: number };
      };
    }[];
  };
}

/** How a Job stands. A job that succeeds has SuccessCriteriaMet before its last pods are gone and Complete after that. */
export function outcomeOf({ status }: Job): "live" | "done" | "failed" {
  const has = (type: string) => status?.conditions?.some((one) => one.type === type && one.status === "True") ?? false;
  if (has("SuccessCriteriaMet") || has("Complete")) return "done";
  return has("Failed") || has("FailureTarget") ? "failed" : "live";
}

/** Why a Job has failed, in Kubernetes's words, with its last pods' ends. */
export function describeFailure(job: Job, pods: readonly Pod[], look: string): string {
  const condition = job.status?.conditions?.find(({ type }) => type === "Failed" || type === "FailureTarget");
  const ends = pods.flatMap(({ metadata, status }) => {
    const { terminated } = status?.containerStatuses?.[0]?.state ?? {};
    if (terminated === undefined || terminated.exitCode === 0) return [];
    return [`${metadata.name}: ${terminated.reason ?? "Error"}, exit code ${terminated.exitCode}`];
  });
  const memory = ends.some((end) => end.includes("OOMKilled"))
    ? "; more memory behind -- (--memory=16Gi), or less for each worker (--memory before --)"
    : "";
  const words = [condition?.reason, condition?.message].filter((word) => word !== undefined).join(": ");
  const pod = ends.length === 0 ? "" : ` (${ends.slice(-3).join("; ")})`;
  return `job ${job.metadata.name} has failed: ${words}${pod}${memory}; ${look} shows the pods' words`;
}

/** How many pods of a live job work and wait, and why. */
export function describePods(pods: readonly Pod[], workers: number): CrewState {
  const working = pods.filter(({ status }) => status?.phase === "Running").length;
  const waiting = Math.max(0, workers - working);
  const reasons = new Map<string, number>();
  for (const { status } of pods.filter((pod) => pod.status?.phase === "Pending")) {
    const unscheduled = status?.conditions?.find((one) => one.type === "PodScheduled" && one.status === "False");
    const stuck = status?.containerStatuses?.[0]?.state?.waiting;
    const reason = unscheduled?.message ?? [stuck?.reason, stuck?.message].filter((word) => word).join(": ");
    // The moments of an ordinary start are not worth a word.
    if (reason === "" || /^(ContainerCreating|PodInitializing)/.test(reason)) continue;
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  const said = [...reasons].map(([reason, count]) => `${count} of ${workers} workers wait: ${reason.slice(0, 300)}`);
  return { working, waiting, ended: false, ...(said.length > 0 && { reason: said.join("; ") }) };
}
