import { dedup, verify } from "bge-dedup";

const { out, counts } = await dedup({ inputs: "fixtures/faq.jsonl", guard: "numbers", maxRemoved: "60%" });
const { ok } = await verify({ dir: out });
console.log(`${counts.kept} of ${counts.read} rows kept, ${ok ? "proved" : "not proved"}`);
