/**
 * XXH64 with seed 0, of which a Zstandard frame carries the low 32 bits as its checksum. A 64-bit number is a pair of
 * slots (low, high) of an Int32Array, because BigInt arithmetic costs thirty times as much.
 * Method: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
 */

// The five primes of the specification as (low, high) pairs.
const P1_LOW = 0x85ebca87 | 0;
const P1_HIGH = 0x9e3779b1 | 0;
const P2_LOW = 0x27d4eb4f | 0;
const P2_HIGH = 0xc2b2ae3d | 0;
const P3_LOW = 0x9e3779f9 | 0;
const P3_HIGH = 0x165667b1 | 0;
const P4_LOW = 0xc2b2ae63 | 0;
const P4_HIGH = 0x85ebca77 | 0;
const P5_LOW = 0x165667c5 | 0;
const P5_HIGH = 0x27d4eb2f | 0;

const STRIPE = 32;
const HASH = 8;
const LANE = 10;

function add(x: Int32Array, at: number, low: number, high: number): void {
  const sum = (x[at] >>> 0) + (low >>> 0);
  x[at] = sum;
  x[at + 1] = x[at + 1] + high + (sum > 0xffffffff ? 1 : 0);
}

function multiply(x: Int32Array, at: number, low: number, high: number): void {
  const xLow = x[at] >>> 0;
  // The upper half of the 32 x 32 bit product from two 48-bit products, each exact in a double.
  const middle = xLow * (low >>> 16) + Math.floor((xLow * (low & 0xffff)) / 65536);
  x[at] = Math.imul(xLow, low);
  x[at + 1] = Math.floor(middle / 65536) + Math.imul(x[at + 1], low) + Math.imul(xLow, high);
}

/** Rotates left by `bits` in 1..31. */
function rotate(x: Int32Array, at: number, bits: number): void {
  const low = x[at];
  const high = x[at + 1];
  x[at] = (low << bits) | (high >>> (32 - bits));
  x[at + 1] = (high << bits) | (low >>> (32 - bits));
}

/** x ^= x >>> bits. */
function shiftXor(x: Int32Array, at: number, bits: number): void {
  const low = x[at];
  const high = x[at + 1];
  if (bits >= 32) {
    x[at] = low ^ (high >>> (bits - 32));
    return;
  }
  x[at] = low ^ ((low >>> bits) | (high << (32 - bits)));
  x[at + 1] = high ^ (high >>> bits);
}

/** One lane's step: accumulator + word * P2, rotated by 31, times P1; `LANE` is scratch. */
function round(x: Int32Array, at: number, low: number, high: number): void {
  x[LANE] = low;
  x[LANE + 1] = high;
  multiply(x, LANE, P2_LOW, P2_HIGH);
  add(x, at, x[LANE], x[LANE + 1]);
  rotate(x, at, 31);
  multiply(x, at, P1_LOW, P1_HIGH);
}

/** A running XXH64 over any number of pieces. */
export class Xxh64 {
  /** Four accumulators, the hash and one scratch lane, two slots each. */
  readonly #x = new Int32Array(12);
  readonly #rest = new Uint8Array(STRIPE);
  #restLength = 0;
  #length = 0;

  constructor() {
    const x = this.#x;
    add(x, 0, P1_LOW, P1_HIGH);
    add(x, 0, P2_LOW, P2_HIGH);
    add(x, 2, P2_LOW, P2_HIGH);
    // 0 - P1 in two's complement.
    add(x, 6, ~P1_LOW, ~P1_HIGH);
    add(x, 6, 1, 0);
  }

  /** Takes the next piece; `bytes` may be reused afterwards. */
  update(bytes: Uint8Array): void {
    this.#length += bytes.length;
    let from = 0;
    if (this.#restLength > 0) {
      from = Math.min(STRIPE - this.#restLength, bytes.length);
      this.#rest.set(bytes.subarray(0, from), this.#restLength);
      this.#restLength += from;
      if (this.#restLength < STRIPE) return;
      this.#stripes(this.#rest);
      this.#restLength = 0;
    }
    const whole = from + Math.floor((bytes.length - from) / STRIPE) * STRIPE;
    this.#stripes(bytes.subarray(from, whole));
    this.#rest.set(bytes.subarray(whole));
    this.#restLength = bytes.length - whole;
  }

  #stripes(bytes: Uint8Array): void {
    const x = this.#x;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + STRIPE <= bytes.length; at += STRIPE) {
      round(x, 0, view.getInt32(at, true), view.getInt32(at + 4, true));
      round(x, 2, view.getInt32(at + 8, true), view.getInt32(at + 12, true));
      round(x, 4, view.getInt32(at + 16, true), view.getInt32(at + 20, true));
      round(x, 6, view.getInt32(at + 24, true), view.getInt32(at + 28, true));
    }
  }

  /** The low 32 bits of the hash, unsigned. Ends the hash: call it once. */
  digestLow(): number {
    const x = this.#x;
    if (this.#length >= STRIPE) this.#mergeLanes();
    else add(x, HASH, P5_LOW, P5_HIGH);
    add(x, HASH, this.#length | 0, Math.floor(this.#length / 4294967296));
    this.#tail();
    shiftXor(x, HASH, 33);
    multiply(x, HASH, P2_LOW, P2_HIGH);
    shiftXor(x, HASH, 29);
    multiply(x, HASH, P3_LOW, P3_HIGH);
    shiftXor(x, HASH, 32);
    return x[HASH] >>> 0;
  }

  #mergeLanes(): void {
    const x = this.#x;
    const lanes = x.slice(0, 8);
    for (let lane = 0; lane < 4; lane++) {
      rotate(x, lane * 2, [1, 7, 12, 18][lane]);
      add(x, HASH, x[lane * 2], x[lane * 2 + 1]);
    }
    const one = new Int32Array(12);
    for (let lane = 0; lane < 4; lane++) {
      one.fill(0);
      round(one, 0, lanes[lane * 2], lanes[lane * 2 + 1]);
      x[HASH] ^= one[0];
      x[HASH + 1] ^= one[1];
      multiply(x, HASH, P1_LOW, P1_HIGH);
      add(x, HASH, P4_LOW, P4_HIGH);
    }
  }

  /** The last bytes, fewer than a stripe: by 8, then 4, then 1. */
  #tail(): void {
    const x = this.#x;
    const rest = new DataView(this.#rest.buffer);
    let at = 0;
    const one = new Int32Array(12);
    for (; at + 8 <= this.#restLength; at += 8) {
      one.fill(0);
      round(one, 0, rest.getInt32(at, true), rest.getInt32(at + 4, true));
      x[HASH] ^= one[0];
      x[HASH + 1] ^= one[1];
      rotate(x, HASH, 27);
      multiply(x, HASH, P1_LOW, P1_HIGH);
      add(x, HASH, P4_LOW, P4_HIGH);
    }
    if (at + 4 <= this.#restLength) {
      this.#mix(rest.getInt32(at, true), P1_LOW, P1_HIGH);
      rotate(x, HASH, 23);
      multiply(x, HASH, P2_LOW, P2_HIGH);
      add(x, HASH, P3_LOW, P3_HIGH);
      at += 4;
    }
    for (; at < this.#restLength; at++) {
      this.#mix(rest.getUint8(at), P5_LOW, P5_HIGH);
      rotate(x, HASH, 11);
      multiply(x, HASH, P1_LOW, P1_HIGH);
    }
  }

  /** hash ^= word * prime for an unsigned 32-bit word. */
  #mix(word: number, low: number, high: number): void {
    const x = this.#x;
    x[LANE] = word;
    x[LANE + 1] = 0;
    multiply(x, LANE, low, high);
    x[HASH] ^= x[LANE];
    x[HASH + 1] ^= x[LANE + 1];
  }
}
