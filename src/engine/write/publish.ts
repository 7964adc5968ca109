import { link, rm } from "node:fs/promises";
import { openAgainst } from "../../run/against/against.js";
import { MANIFEST, writeManifest } from "../../run/work/manifest.js";
import { openWorkArea } from "../../run/work/work-area.js";
import { OUTPUT_FILES } from "../../run/write/output-names.js";
import { staleFiles } from "../../run/write/stale-files.js";
import type { Stage, TaskContext } from "../stage.js";
import { describeRun } from "./run-record.js";
import { requireSameReferences } from "./same-references.js";

/**
 * Publishes the result as one machine does: all files are complete, a plan names them, then they move into the output
 * folder. Whoever opens the folder after a kill completes the publication. The tasks keep links to their files, so that a
 * publication whose marker is missing can be repeated; whoever runs the tasks removes them once this one is marked.
 */
export const publish: Stage<"publish"> = {
  name: "publish",
  phase: "write",
  after: ["assemble"],
  count: async () => 1,
  async run(context) {
    const { options, reporter } = context;
    const { out } = options;
    const work = await openWorkArea(out, { files: [...OUTPUT_FILES, MANIFEST], note: reporter.note, tasks: "welcome" });
    try {
      const { manifest, files } = await describeRun(context);
      for (const [name, task] of files) {
        await rm(work.path(name), { force: true });
        await link(task.path(name), work.path(name));
      }
      await writeManifest(work.path(MANIFEST), manifest);
      await requireReferences(context);
      const names = [...files.keys()];
      await work.publish([...names, MANIFEST], await staleFiles(out, names));
      return { files: [...names, MANIFEST] };
    } catch (error) {
      throw work.explain(error);
    } finally {
      await work.close();
    }
  },
};

/** @throws InputError where a reference is not the one whose rows the result names */
async function requireReferences({ options, reporter, signal, tasks }: TaskContext): Promise<void> {
  const against = await openAgainst(options, { reporter: { ...reporter, note: () => {} }, signal });
  try {
    await requireSameReferences(tasks, against);
  } finally {
    await against?.close();
  }
}
