import { parentPort, workerData } from "node:worker_threads";
import { createBreaks } from "../breaks.js";
import { localShard, type Shard } from "../cluster/shard.js";
import type { Totals } from "../cluster/sums.js";
import { InputError } from "../errors.js";
import { createOrtEngine } from "../onnx/ort-engine.js";
import { openVectorStore } from "../vectors/store.js";
import type { RowReply, RowRequest, RowResults, RowWorkerData } from "./row-messages.js";

/** Worker that has a shard of the rows to be clustered and reads their vectors itself. */
const port = parentPort;
if (port === null) throw new Error("this module is a worker: start it with rowWorkers");
const { store, threads } = workerData as RowWorkerData;
const reply = (message: RowReply, transfer: readonly ArrayBuffer[] = []): void => port.postMessage(message, transfer);
let opened: Shard | null = null;

async function open(): Promise<Shard> {
  return localShard({
    engine: createOrtEngine({ threads }),
    vectors: await openVectorStore(store),
    onRows: (rows) => reply({ kind: "rows", rows }),
    onTile: () => {},
    pause: createBreaks(),
  });
}

async function handle(request: Exclude<RowRequest, { kind: "close" }>): Promise<RowResults[keyof RowResults]> {
  opened ??= await open();
  switch (request.kind) {
    case "open":
      await opened.open(request.settings);
      return undefined;
    case "pass":
      return copied(await opened.pass(request.centroids, request.fresh));
    case "move":
      return copied(await opened.move(request.row, request.to));
    case "distances":
      return (await opened.distances()) as Float64Array<ArrayBuffer>;
    case "assignment":
      return (await opened.assignment()).slice();
  }
}

/** Sums apart from the kernels' memory, which stays here. */
function copied({ dim, stride, scale, squaredNorms, sums, weight, members }: Totals): Totals {
  return { dim, stride, scale, squaredNorms, sums: sums.slice(), weight: weight.slice(), members: members.slice() };
}

function buffers(value: RowResults[keyof RowResults]): ArrayBuffer[] {
  if (value === undefined) return [];
  return ("sums" in value ? [value.sums, value.weight, value.members] : [value]).map(
    ({ buffer }) => buffer as ArrayBuffer,
  );
}

let last: Promise<void> = Promise.resolve();
port.on("message", (request: RowRequest) => {
  // Between two native calls, since this thread is here: ended in the midst of one, onnxruntime would end the whole process.
  if (request.kind === "close") process.exit(0);
  last = last
    .then(() => handle(request))
    .then((value) => reply({ kind: "result", value }, buffers(value)))
    .catch((error: Error) => reply({ kind: "error", message: error.message, input: error instanceof InputError }));
});
