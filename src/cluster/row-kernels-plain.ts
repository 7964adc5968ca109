import { plainBoundKernels } from "./bound-kernels-plain.js";
import type { RowKernels } from "./row-kernels.js";

/** The row kernels in JavaScript, several times slower, for where no WebAssembly memory can be had. Sums are the same bits. */
export function plainKernels(buffer: ArrayBuffer): RowKernels {
  const f32 = new Float32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
  const f64 = new Float64Array(buffer, 0, Math.floor(buffer.byteLength / 8));
  const u8 = new Uint8Array(buffer);
  function dot(row: number, bytes: number, other: number): number {
    let sum = 0;
    for (let i = 0; i < bytes / 4; i++) sum += f32[row / 4 + i] * f32[other / 4 + i];
    return sum;
  }

  return {
    ...plainBoundKernels(buffer),
    dot,
    roughDot: dot,
    add(row, bytes, sums, scale, weight, norm) {
      let squared = 0;
      for (let i = 0; i < bytes / 4; i++) {
        const value = f32[row / 4 + i];
        squared += value * value;
        f64[sums / 8 + i] += weight * toEven(value * scale);
      }
      f64[norm / 8] = squared;
    },
    move(row, bytes, source, target, scale, weight) {
      for (let i = 0; i < bytes / 4; i++) {
        const units = weight * toEven(f32[row / 4 + i] * scale);
        f64[source / 8 + i] -= units;
        f64[target / 8 + i] += units;
      }
    },
    mix(source, rows, end, bytes, centre, least) {
      const width = bytes / 4;
      for (let from = source / 4, at = rows / 4; at < end / 4; from += width, at += width) {
        for (let i = 0; i < width; i++) f32[at + i] = f32[from + i] - f32[centre / 4 + i];
        for (let half = width / 2; half >= least / 4; half /= 2) {
          for (let block = at; block < at + width; block += 2 * half) {
            for (let low = block; low < block + half; low++) {
              const a = f32[low];
              const b = f32[low + half];
              f32[low] = a + b;
              f32[low + half] = a - b;
            }
          }
        }
      }
    },
    quantise(rows, end, bytes, codes, out) {
      const width = bytes / 4;
      for (let at = rows / 4, code = codes, o = out / 4; at < end / 4; at += width, o += 4) {
        let largest = 0;
        for (let i = 0; i < width; i++) largest = Math.max(largest, Math.abs(f32[at + i]));
        const scale = Math.fround(Math.max(largest / 127, 2 ** -40));
        let errors = 0;
        let squares = 0;
        for (let i = 0; i < width; i++) {
          const value = f32[at + i];
          const integer = Math.max(-127, Math.min(127, Math.round(value / scale)));
          u8[code++] = integer + 128;
          errors += (value - integer * scale) ** 2;
          squares += value * value;
        }
        f32[o] = scale;
        f32[o + 1] = errors;
        f32[o + 2] = squares;
      }
    },
  };
}

/** Nearest integer, of two the even one, of a number below 2^51. */
function toEven(value: number): number {
  const round = 1.5 * 2 ** 52;
  return value + round - round;
}
