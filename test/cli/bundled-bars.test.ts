import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { Writable } from "node:stream";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { barReporter } from "../../src/cli/progress-bars.js";

/** The commands as they are bundled, beside the files that the tests import. */
const BUNDLE = new URL("../../src/bundle/commands/", import.meta.url);

/** A terminal of 80 columns that keeps what is written. */
class Terminal extends Writable {
  readonly isTTY = true;
  readonly columns = 80;
  readonly rows = 24;
  written = "";
  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.written += chunk;
    done();
  }
}

describe("the bundled commands", () => {
  it("draw bars on a terminal", async () => {
    const name = readdirSync(fileURLToPath(BUNDLE)).find((file) => /^progress-bars-\w+\.js$/.test(file));
    const bundled = (await import(new URL(name as string, BUNDLE).href)) as { barReporter: typeof barReporter };
    const terminal = new Terminal();
    const reporter = bundled.barReporter(terminal as unknown as NodeJS.WriteStream);
    const bar = reporter.stage("read", 4);
    bar.advance(2);
    bar.end();
    reporter.close();
    assert.match(terminal.written, /read .*100 % \| +2 rows/);
  });
});
