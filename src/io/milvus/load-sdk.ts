import { existsSync } from "node:fs";
import { UnavailableError } from "../../errors.js";

/** The line that installs the SDK where this program looks for it. */
function installLine(): string {
  // A project has a package.json above its node_modules; a global installation has none.
  const [above] = import.meta.dirname.split(/[\\/]node_modules[\\/]/);
  const inProject = above === import.meta.dirname || existsSync(`${above}/package.json`);
  return `npm install ${inProject ? "" : "--global "}@zilliz/milvus2-sdk-node@2.6.11`;
}

/**
 * Loads Milvus's SDK, which takes 0.6 s.
 * @throws UnavailableError with the line that installs the SDK where it is missing
 */
export async function loadSdk(): Promise<typeof import("@zilliz/milvus2-sdk-node")> {
  try {
    return await import("@zilliz/milvus2-sdk-node");
  } catch (cause) {
    throw new UnavailableError(
      `export to Milvus needs its SDK, which is not installed (${(cause as { code?: string }).code ?? (cause as Error).message}); install it: ${installLine()}`,
    );
  }
}
