import { parentPort } from "node:worker_threads";
import { CLOSE, type Request, type Response } from "../embed/local/messages.js";
import { UnavailableError } from "../errors.js";

/**
 * The worker's side of `startWorkers`: answers requests one after the other, in order. An error goes back as the answer
 * of its request; the worker lives on.
 */
export function serve<Payload, Result>(
  answer: (payload: Payload) => Promise<Result>,
  transferOf: (result: Result) => ArrayBuffer[],
): void {
  const port = parentPort;
  if (port === null) throw new Error("this module is a worker: start it with startWorkers");
  let last: Promise<void> = Promise.resolve();
  port.on("message", (message: Request<Payload> | typeof CLOSE) => {
    // Never while a native call is under way, since this thread is here. Ended from outside in the middle of one, onnxruntime
    // would bring the whole process down.
    if (message === CLOSE) process.exit(0);
    const { taskId, payload } = message;
    last = last.then(async () => {
      try {
        const started = performance.now();
        const result = await answer(payload);
        const response: Response<Result> = { taskId, result, milliseconds: performance.now() - started };
        port.postMessage(response, transferOf(result));
      } catch (error) {
        const { message } = error as Error;
        const response: Response<Result> = {
          taskId,
          error: { message, unavailable: error instanceof UnavailableError },
        };
        port.postMessage(response);
      }
    });
  });
}
