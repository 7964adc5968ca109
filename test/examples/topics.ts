import { cluster, dedup, InputError } from "bge-dedup";

const signal = AbortSignal.timeout(3_600_000);
try {
  const { out } = await dedup({ inputs: process.argv.slice(2), textField: "text", signal });
  const { largest } = await cluster({ inputs: out, k: 8, signal });
  for (const { size, label } of largest.slice(0, 3)) console.log(size, label.length > 0);
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  console.log(error.message);
}
