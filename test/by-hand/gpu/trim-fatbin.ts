import { readFileSync, writeFileSync } from "node:fs";

/**
 * Takes the machine code of all architectures but one out of a library with CUDA kernels, so that it compresses to a quarter:
 *
 *     node dist/test/by-hand/gpu/trim-fatbin.js IN.so OUT.so 90
 *
 * The section .nv_fatbin is a row of containers (magic, header of 16 bytes, entries), each with the same kernels compiled for
 * several architectures. What is kept of a container moves to its front, and zeros fill the rest, so every address stays. A
 * container that lacks the architecture stays whole. `cuobjdump --list-elf` reads the result.
 */
const MAGIC = 0xba55ed50;
const SECTION = ".nv_fatbin";

/** Where a section of a 64-bit little-endian ELF file lies. */
function findSection(file: Buffer, wanted: string): { start: number; end: number } {
  if (file.readUInt32BE(0) !== 0x7f454c46) throw new Error("not an ELF file");
  const table = Number(file.readBigUInt64LE(0x28));
  const header = (index: number) => table + index * file.readUInt16LE(0x3a);
  const place = (at: number) => Number(file.readBigUInt64LE(at + 0x18));
  const names = place(header(file.readUInt16LE(0x3e)));
  for (let i = 0; i < file.readUInt16LE(0x3c); i++) {
    const at = header(i);
    const name = names + file.readUInt32LE(at);
    if (file.toString("latin1", name, file.indexOf(0, name)) !== wanted) continue;
    return { start: place(at), end: place(at) + Number(file.readBigUInt64LE(at + 0x20)) };
  }
  throw new Error(`the library has no section ${wanted}`);
}

const [from, to, architecture] = process.argv.slice(2);
if (architecture === undefined)
  throw new Error("expected: IN.so OUT.so ARCHITECTURE, as in 90 for compute capability 9.0");
const file = readFileSync(from);
const { start, end } = findSection(file, SECTION);
let trimmed = 0;
let whole = 0;
for (let at = start; at < end; ) {
  if (file.readUInt32LE(at) !== MAGIC) {
    // Containers begin at multiples of 8.
    at += 8;
    continue;
  }
  const first = at + file.readUInt16LE(at + 6);
  const last = first + Number(file.readBigUInt64LE(at + 8));
  let kept = first;
  for (let entry = first; entry < last; ) {
    const size = file.readUInt32LE(entry + 4) + Number(file.readBigUInt64LE(entry + 8));
    if (file.readUInt32LE(entry + 28) === Number(architecture)) {
      file.copyWithin(kept, entry, entry + size);
      kept += size;
    }
    entry += size;
  }
  if (kept === first) whole++;
  else {
    trimmed++;
    file.fill(0, kept, last);
    file.writeBigUInt64LE(BigInt(kept - first), at + 8);
  }
  at = last;
}
if (trimmed === 0) throw new Error(`${from} has no code for architecture ${architecture}`);
writeFileSync(to, file, { mode: 0o755 });
console.log(`${to}: ${trimmed} groups of kernels for architecture ${architecture}, ${whole} without it`);
