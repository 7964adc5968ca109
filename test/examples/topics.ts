import { cluster, InputError } from "bge-dedup";

const signal = AbortSignal.timeout(3_600_000);
const { largest } = await cluster({ inputs: process.argv[2], out: "topics", k: 8, signal }).catch((error) => {
  throw error instanceof InputError ? new Error(`look at the input: ${error.message}`) : error;
});
for (const { size, representatives } of largest.slice(0, 3)) console.log(size, representatives[0].text);
