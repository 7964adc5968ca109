import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

/** Top of the checkout: the nearest folder above this file that has the lock file and the sources. */
const root = (() => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "src", "errors.ts"))) {
    if (dirname(folder) === folder) throw new Error("no checkout above this test");
    folder = dirname(folder);
  }
  return folder;
})();

interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
}

const json = (path: string) => JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
const lock = json(join(root, "package-lock.json")) as unknown as { packages: Record<string, LockedPackage> };
/** What a user of the package gets: everything in the lock file but this package and what only builds and tests it. */
const production = Object.entries(lock.packages).filter(([path, { dev }]) => path !== "" && dev !== true);

/** Licences that let a program under MIT depend on a package: permissive ones and dedications. */
const ACCEPTED = new Set(["MIT", "ISC", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "CC0-1.0", "Unlicense"]);

/** Of a choice between licences one must do, of several that hold together each. */
function accepted(licence: string): boolean {
  return licence
    .replace(/[()]/g, "")
    .split(" OR ")
    .some((choice) => choice.split(" AND ").every((name) => ACCEPTED.has(name.trim())));
}

describe("the packages that are installed with this one", () => {
  it("have a licence each that is known and permissive, as the lock file and they themselves say", (t) => {
    assert.ok(production.length > 20);
    const byLicence = new Map<string, string[]>();
    for (const [path, { version, license, optional }] of production) {
      const manifest = join(root, path, "package.json");
      if (!existsSync(manifest)) {
        assert.ok(optional, `${path} is not installed`);
        continue;
      }
      const own = json(manifest).license;
      assert.equal(typeof own, "string", `${path} names no licence`);
      assert.equal(own, license ?? own, `${path} of another licence than the lock file says`);
      assert.ok(
        accepted(own as string),
        `${path} ${version} is under ${own}, expected one of ${[...ACCEPTED].join(", ")}`,
      );
      const name = path.replace(/^.*node_modules\//, "");
      byLicence.set(own as string, [...(byLicence.get(own as string) ?? []), name]);
    }
    for (const [licence, names] of byLicence) t.diagnostic(`${licence}: ${names.join(" ")}`);
  });

  it("are locked: each with its version and the hash of its archive", () => {
    const { dependencies } = json(join(root, "package.json")) as { dependencies: Record<string, string> };
    for (const [name, version] of Object.entries(dependencies)) {
      assert.equal(lock.packages[`node_modules/${name}`]?.version, version, `${name} is not pinned to what is locked`);
    }
    for (const [path, { version, integrity }] of production) {
      assert.ok(version !== undefined && integrity?.startsWith("sha512-"), path);
    }
  });

  it("run no script when they are installed but onnxruntime-node's download, which .npmrc turns off", () => {
    const scripts = production.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
    assert.deepEqual(scripts, ["node_modules/onnxruntime-node"]);
    assert.match(readFileSync(join(root, ".npmrc"), "utf8"), /^onnxruntime-node-install=skip$/m);
  });
});
