/** A process that fetches one model, for tests of several at once. Settings as JSON in the first argument. */
import { fetchModel } from "../../src/models/hub/hub.js";

const { repository, settings } = JSON.parse(process.argv[2]);
const notes: string[] = [];
const reporter = { note: (message: string) => notes.push(message), stage: () => ({ advance() {}, end() {} }) };
const folder = await fetchModel({ repository, dtype: "auto", settings, reporter });
process.stdout.write(JSON.stringify({ folder, notes }));
