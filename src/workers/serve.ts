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

/** A function for each call of the table; what it returns or tells may be `moving`. */
export type Answers<Calls> = {
  readonly [Name in keyof Calls]: (
    argument: ArgumentOf<Calls[Name]>,
    tell: (part: PartOf<Calls[Name]> | Moving<PartOf<Calls[Name]>>) => void,
  ) => Promise<ResultOf<Calls[Name]> | Moving<ResultOf<Calls[Name]>>>;
};

type AnyAnswer = (argument: unknown, tell: (part: unknown) => void) => Promise<unknown>;

/**
 * The worker's side of `startWorkers`: answers calls one after the other, in order. An error goes back as the answer of its call,
 * and the worker lives on.
 * @param start makes the answers from what the worker was started with; calls wait for it, and fail where it fails
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
    // Between two native calls, since this thread is here: ended in the middle of one, onnxruntime would end the whole process.
    if (message === CLOSE) process.exit(0);
    last = last.then(() => answer(message));
  });
}
