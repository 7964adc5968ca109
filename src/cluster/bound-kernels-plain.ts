import type { BoundKernels } from "./bound-kernels.js";

/** The bound kernels in JavaScript. Sums are the same bits. */
export function plainBoundKernels(buffer: ArrayBuffer): BoundKernels {
  const f32 = new Float32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
  const i32 = new Int32Array(buffer, 0, f32.length);
  const u8 = new Uint8Array(buffer);
  const { fround } = Math;
  return {
    follow(product, end, rowBytes, groupBytes, terms, coefficients, bounds, hits, hitBytes) {
      const columns = rowBytes / 4;
      const stride = groupBytes / 4;
      let [c, bound, hit] = [coefficients / 4, bounds / 4, hits];
      for (let at = product / 4; at < end / 4; at += columns, c += 4, bound += stride, hit += hitBytes) {
        u8.fill(0, hit, hit + stride / 4);
        for (let g = 0; g < stride; g++) {
          let most = Number.NEGATIVE_INFINITY;
          for (let j = g; j < columns; j += stride) {
            const t = terms / 4 + 12 * (j >> 2) + (j & 3);
            const first = fround(f32[at + j] + fround(f32[c] * f32[t]));
            const rest = fround(fround(f32[c + 1] * f32[t + 4]) + fround(f32[c + 2] * f32[t + 8]));
            most = Math.max(most, fround(first + rest));
          }
          f32[bound + g] += most;
          if (f32[bound + g] >= f32[c + 3]) u8[hit + (g >> 2)] |= 1 << (g & 3);
        }
      }
    },
    lead(product, end, rowBytes, groupBytes, terms, coefficients, bounds, out) {
      const columns = rowBytes / 4;
      const stride = groupBytes / 4;
      let [c, bound, to] = [coefficients / 4, bounds / 4, out / 4];
      for (let at = product / 4; at < end / 4; at += columns, c += 4, bound += stride, to += 8) {
        f32.fill(f32[c + 3], bound, bound + stride);
        for (let lane = 0; lane < 4; lane++) {
          f32[to + lane] = Number.NEGATIVE_INFINITY;
          i32[to + 4 + lane] = lane;
          for (let j = lane, t = terms / 4 + lane; j < columns; j += 4, t += 12) {
            const value = fround(f32[at + j] + fround(f32[c] * f32[t]));
            if (!(value > f32[to + lane])) continue;
            f32[to + lane] = value;
            i32[to + 4 + lane] = j;
          }
        }
      }
    },
  };
}
