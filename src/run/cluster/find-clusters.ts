import { farDistance } from "../../cluster/like/drift.js";
import { InputError } from "../../errors.js";
import { openVectorStore } from "../../vectors/store.js";
import { continueClusters } from "./continue.js";
import { chosenK, describeClusters, type Finding, type FoundClusters, fitClusters, possibleK } from "./fit.js";
import type { Former } from "./former.js";

/**
 * Finds the clusters of the rows: chooses their number where it is `auto`, runs k-means over the distinct vectors, or
 * goes on from former clusters, and finds what shows each cluster to a person. Fewer distinct vectors than `--k` make as
 * many clusters.
 * @param finding.former the clusters of `--like`
 * @throws InputError if there is nothing to cluster; UsageError with `--strict-k` if `--k` is more than the number of
 * distinct vectors, or if the vectors have not the dimension of the former clusters
 */
export async function findClusters(
  finding: Omit<Finding, "vectors"> & { readonly former?: Former },
): Promise<FoundClusters> {
  const { options, rows, former } = finding;
  if (rows.positions.length === 0) {
    throw new InputError(`there is nothing to cluster: no text of ${rows.count} rows has a direction`);
  }
  const vectors = await openVectorStore(rows.storePath);
  try {
    const opened = { ...finding, vectors };
    if (former !== undefined) return await continueClusters({ ...opened, former });
    const { spherical = false } = options;
    const chosen = options.k === "auto" ? await chosenK(opened, spherical) : undefined;
    const k = chosen?.k ?? (await possibleK(opened, options.k as number));
    const found = await fitClusters(opened, { k, spherical });
    const result = {
      ...found,
      ...(await describeClusters(opened, found)),
      ids: Int32Array.from({ length: k }, (_, cluster) => cluster),
      next: k,
      farDistance: farDistance(found.distances, rows.weights),
    };
    return { result, chosen };
  } finally {
    await vectors.close();
  }
}
