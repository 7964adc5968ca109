import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { DedupOptions } from "../../src/run/options.js";
import { seededRandom } from "../faults/random.js";
import { tinyModel } from "../models/golden.js";
import { dedup, numbers, readTable, testFolder, values, verify, writeJsonl } from "./folders.js";

// BGE_TEST_DEVICE=webgpu VK_DRIVER_FILES=/usr/lib/chromium/vk_swiftshader_icd.json node --test ...
const device = process.env.BGE_TEST_DEVICE as DedupOptions["device"] | undefined;

const WORDS = "天气 预报 退款 订单 reset password parcel refund invoice order account delivery label code 发票".split(
  " ",
);

/** Texts of which two in five are an earlier one with a word changed, moved or added. */
function corpus(count: number): string[] {
  const random = seededRandom(5);
  const word = () => WORDS[random.below(WORDS.length)] + random.below(30);
  const texts: string[][] = [];
  for (let i = 0; i < count; i++) {
    if (i === 0 || random.below(5) > 1) {
      texts.push(Array.from({ length: 4 + random.below(12) }, word));
      continue;
    }
    const near = [...texts[random.below(i)]];
    const at = random.below(near.length);
    const kind = random.below(3);
    if (kind === 0) near[at] = word();
    else if (kind === 1) near.push(word());
    else near.push(...near.splice(at, 1));
    texts.push(near);
  }
  return texts.map((text) => text.join(" "));
}

/** Unit vectors in four dimensions: so many that codes are joined, and few of them apart, since devices in software are slow. */
function vectorRows(count: number): { text: string; v: number[] }[] {
  const random = seededRandom(9);
  const uniform = () => random.below(1e6) / 1e6 - 0.5;
  const centres = Array.from({ length: 2200 }, () => Array.from({ length: 4 }, uniform));
  return Array.from({ length: count }, (_, i) => {
    const centre = centres[i < centres.length ? i : random.below(centres.length)];
    return { text: `row ${i}`, v: centre.map((value) => value + 0.004 * uniform()) };
  });
}

describe("a whole run", { skip: device === undefined ? "BGE_TEST_DEVICE names no device" : false }, () => {
  // Random weights: thresholds at which about a third of the rows go.
  for (const [name, threshold] of [
    ["tiny-bert", 0.985],
    ["tiny-xlmr", 0.97],
  ] as const) {
    it(`of ${name} keeps and removes the same rows on the device that BGE_TEST_DEVICE names as on the CPU`, async () => {
      const folder = testFolder();
      const file = writeJsonl(
        join(folder, "rows.jsonl"),
        corpus(240).map((text) => ({ text })),
      );
      const outs = [join(folder, "cpu"), join(folder, "device")];
      for (const [i, on] of (["cpu", device as DedupOptions["device"]] as const).entries()) {
        await dedup([file], outs[i], { model: tinyModel(name), device: on, threshold });
      }
      const kept = outs.map((out) => readTable(out, "kept.arrow"));
      const removed = outs.map((out) => readTable(out, "removed.arrow"));
      assert.ok(
        removed[0].numRows > 40 && kept[0].numRows > 40,
        `${kept[0].numRows} kept, ${removed[0].numRows} removed`,
      );
      for (const column of ["_row", "_group_size"])
        assert.deepEqual(numbers(kept[1], column), numbers(kept[0], column));
      for (const column of ["_row", "_kept_row"]) {
        assert.deepEqual(numbers(removed[1], column), numbers(removed[0], column), column);
      }
      assert.deepEqual(values(removed[1], "_reason"), values(removed[0], "_reason"));
      const [cpu, other] = removed.map((table) => numbers(table, "_similarity"));
      for (let i = 0; i < cpu.length; i++) assert.ok(Math.abs(cpu[i] - other[i]) < 1e-4, `${cpu[i]} and ${other[i]}`);
      assert.ok((await verify(outs[1])).ok);
    });
  }

  it("over vectors of the input removes the same rows, by the same bytes, where the device joins their codes", async () => {
    const folder = testFolder();
    const file = writeJsonl(join(folder, "rows.jsonl"), vectorRows(8200));
    const outs = [join(folder, "cpu"), join(folder, "device")];
    for (const [i, on] of (["cpu", device as DedupOptions["device"]] as const).entries()) {
      await dedup([file], outs[i], { vectorField: "v", device: on, threshold: 0.9995 });
    }
    assert.ok(readTable(outs[0], "removed.arrow").numRows > 4000);
    assert.ok(readTable(outs[0], "kept.arrow").numRows > 1920, "no group of columns is full");
    for (const name of ["kept.arrow", "removed.arrow"]) {
      assert.ok(readFileSync(join(outs[1], name)).equals(readFileSync(join(outs[0], name))), name);
    }
  });
});
