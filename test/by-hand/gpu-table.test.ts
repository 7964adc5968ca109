import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { readCard, watchCard } from "./gpu/nvidia-smi.js";
import { toMarkdown } from "./gpu/table.js";

/** Answers as nvidia-smi does: the card, samples that a kernel ran in half of, or the page that names the version of CUDA. */
const NVIDIA_SMI = `#!/bin/sh
case "$1" in
  --query-gpu=name*) echo "NVIDIA H100 80GB HBM3, 580.159.04, 81559 MiB" ;;
  --query-gpu=util*) for busy in 0 100 0 100; do echo "$busy, 350.5, 4096"; done; exec sleep 60 ;;
  *) echo "| NVIDIA-SMI 580.159.04    Driver Version: 580.159.04    CUDA Version: 13.0     |" ;;
esac
`;

/** Runs with a folder before all others in PATH. */
async function withProgram(text: string, task: () => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "gpu-table-"));
  const { PATH } = process.env;
  writeFileSync(join(folder, "nvidia-smi"), text);
  chmodSync(join(folder, "nvidia-smi"), 0o755);
  process.env.PATH = `${folder}${delimiter}${PATH}`;
  try {
    await task();
  } finally {
    process.env.PATH = PATH;
    rmSync(folder, { recursive: true });
  }
}

const onLinux = { skip: process.platform === "win32" && "the stand-in for nvidia-smi is a shell script" };

describe("the table of gpu.sh", () => {
  it("names the card and its use as nvidia-smi tells them", onLinux, async () => {
    await withProgram(NVIDIA_SMI, async () => {
      const card = readCard();
      assert.deepEqual(card, {
        name: "NVIDIA H100 80GB HBM3",
        driver: "580.159.04",
        memory: "81559 MiB",
        cuda: "13.0",
      });
      const stop = watchCard();
      await setTimeout(1000);
      assert.deepEqual(stop(), { gpu_busy_percent: 50, watts: 351, gpu_memory_mib: 4096 });
      assert.match(toMarkdown({ card, tiny: false, steps: [] }), /^# bge-dedup on NVIDIA H100 80GB HBM3\n\nDriver 580/);
    });
  });

  it("says that there is no card where nvidia-smi fails", onLinux, async () => {
    await withProgram("#!/bin/sh\nexit 9\n", async () => {
      assert.equal(readCard().name, "none");
      assert.deepEqual(watchCard()(), {});
    });
  });

  it("has a row for each result, the reasons of failed steps, and calls out joins that do not decide alike", () => {
    const card = { name: "none", driver: "none", cuda: "none", memory: "none" };
    const join = (device: string, decisions: string) => ({
      name: `join small ${device}`,
      seconds: 2,
      results: [{ rows: 100_000, device, seconds: 1.5, decisions }],
    });
    const speed = { name: "speed cuda fp16", seconds: 1, error: "exit 1: a | b", results: [] };
    const text = toMarkdown({ card, tiny: false, steps: [speed, join("cpu", "aa"), join("cuda", "bb")] });
    assert.match(text, /\| rows \| device \| s \| digest of the decisions \|\n.*\n\| 100,000 \| cpu \| 1.5 \| aa \|/);
    assert.match(text, /\| speed cuda fp16 \| 1 \| exit 1: a \\\| b \|/);
    assert.match(text, /joins of 100000 rows do not decide alike/);
    assert.doesNotMatch(
      toMarkdown({ card, tiny: false, steps: [join("cpu", "aa"), join("cuda", "aa")] }),
      /do not decide alike/,
    );
  });
});
