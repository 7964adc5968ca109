#!/usr/bin/env node
import { main } from "../dist/src/cli/dedup.js";

process.exitCode = await main(process.argv.slice(2));
