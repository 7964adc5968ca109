import { parentPort, workerData } from "node:worker_threads";
import {
  type ArgumentOf,
  CLOSE,
  type Moving,
  type PartOf,
  type Request,
  type Response,
  type ResultOf,
  sentError,
  unpacked,
  type WorkerKind,
} from "./messages.js";

/**
 * The functions of a worker, one for each call of the table. A function wraps a result or a part in `moving` to
 * transfer its buffers.
 */
export type Answers<Calls> = {
  readonly [Name in keyof Calls]: (
    argument: ArgumentOf<Calls[Name]>,
    tell: (part: PartOf<Calls[Name]> | Moving<PartOf<Calls[Name]>>) => void,
  ) => Promise<ResultOf<Calls[Name]> | Moving<ResultOf<Calls[Name]>>>;
};

/** A function of `Answers` without its types, which do not survive the way through a message. */
type AnyAnswer = (argument: unknown, tell: (part: unknown) => void) => Promise<unknown>;

/**
 * The worker's side of `startWorkers`: answers calls one after the other, in the order of their arrival. An error in a
 * call goes back as the answer of that call, and the worker continues to serve.
 * @param start builds the functions from the value that the worker was started with. Calls wait until `start` has
 * finished; if `start` fails, every call fails with its error.
 * @throws Error if the module runs on the main thread
 */
export function serve<Kind extends WorkerKind>(
  start: (startup: Kind["startup"]) => Answers<Kind["calls"]> | Promise<Answers<Kind["calls"]>>,
): void {
  const port = parentPort;
  if (port === null) throw new Error("this module is a worker: start it with startWorkers");
  const post = (response: Response, transfer: readonly ArrayBuffer[] = []) => port.postMessage(response, transfer);
  const started = Promise.resolve(workerData).then(start) as Promise<Record<string, AnyAnswer>>;
  const answer = async ({ task, call, argument }: Request): Promise<void> => {
    try {
      const began = performance.now();
      const answers = await started;
      const tell = (sent: unknown) => {
        const { value, transfer } = unpacked(sent);
        post({ task, part: value }, transfer);
      };
      const { value, transfer } = unpacked(await answers[call](argument, tell));
      post({ task, result: value, milliseconds: performance.now() - began }, transfer);
    } catch (error) {
      post({ task, error: sentError(error as Error) });
    }
  };
  let last: Promise<void> = started.then(
    () => {},
    () => {},
  );
  port.on("message", (message: Request | typeof CLOSE) => {
    // A message is handled only between two native calls. If a thread is terminated inside a native call, onnxruntime
    // ends the whole process.
    if (message === CLOSE) process.exit(0);
    last = last.then(() => answer(message));
  });
}
