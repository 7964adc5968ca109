#!/usr/bin/env node
import module from "node:module";

// Node.js 22 keeps the compiled code of one run for the next; NODE_DISABLE_COMPILE_CACHE=1 says no.
module.enableCompileCache?.();
try {
  const { main } = await import("../dist/src/bundle/commands/dedup.js");
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // `main` reports its own errors: only a part that is missing or does not suit this Node.js comes here.
  process.stderr.write(
    `error: bge-dedup does not load: ${error.message}; install it again, with Node.js 20.19 or later\n`,
  );
  process.exitCode = 5;
}
