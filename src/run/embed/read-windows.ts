import type { RejectsWriter } from "../../io/rejects.js";
import type { Source } from "../../io/source.js";
import type { RunContext, SharedOptions } from "../options.js";
import { allowance, KEPT_SHARE } from "../read/allowance.js";
import { type RowIndex, readTexts, type TextWindow } from "../read/read-texts.js";
import type { RememberedScans } from "../read/remembered-scans.js";

/** Yields the same windows and calls `spent` with the milliseconds that each window took to arrive. */
async function* timed(windows: AsyncGenerator<TextWindow>, spent: (milliseconds: number) => void) {
  try {
    for (;;) {
      const asked = performance.now();
      const { done, value } = await windows.next();
      spent(performance.now() - asked);
      if (done) return;
      yield value;
    }
  } finally {
    await windows.return(undefined);
  }
}

/** The distinct texts of the inputs as they are read. */
export interface ReadWindows {
  readonly windows: AsyncGenerator<TextWindow>;
  /** Bytes of all inputs. */
  readonly bytes: number;
  /** Bytes that have been read so far. */
  bytesRead(): number;
}

/**
 * Begins to read the inputs, as a stage of its own whose waiting time is measured.
 * @param options.onGroup as `readTexts` has it
 */
export function readWindows(options: {
  readonly sources: readonly Source[];
  readonly index: RowIndex;
  readonly rejects: RejectsWriter;
  readonly remembered?: RememberedScans;
  readonly shared: SharedOptions;
  readonly windowChars: number;
  readonly onGroup?: (text: string, group: number) => void;
  readonly context: RunContext;
}): ReadWindows {
  const { shared, context, ...reading } = options;
  const { textFields, vectorField, memory } = shared;
  const bytes = options.sources.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const stage = context.reporter.stage("read", bytes);
  let bytesRead = 0;
  const windows = readTexts({
    ...reading,
    textFields,
    vectorField,
    reserve: allowance(memory * KEPT_SHARE),
    stage: {
      advance(done, rows) {
        bytesRead = done;
        stage.advance(done, rows);
      },
      end: () => stage.end(),
    },
    signal: context.signal,
  });
  return {
    windows: timed(windows, (milliseconds) => stage.waited?.("read", milliseconds)),
    bytes,
    bytesRead: () => bytesRead,
  };
}
