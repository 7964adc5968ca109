import type { Named, PageDrift } from "../../report/page/data.js";
import { share } from "../../report/page/headline.js";
import { type LooseManifest, valueText } from "./facts.js";

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const percent = (value: unknown) => (isNumber(value) ? share(value, 1) : valueText(value));
const rounded = (value: unknown) => (isNumber(value) ? String(Number(value.toPrecision(3))) : valueText(value));
const listed = (value: unknown) => valueText(value) || "none";

/** Figures of the drift by their names in the manifest, with what a person is told. */
const FIGURES: Readonly<Record<string, readonly [name: string, text: (value: unknown) => string]>> = {
  jensen_shannon: ["change of the sizes (Jensen-Shannon, 0 to 1)", rounded],
  far_share: ["rows far from every former centroid (1 % is usual)", percent],
  far_rows: ["number of these rows", valueText],
  far_distance: ["distance from which a row is far", rounded],
  moved_share: ["rows in another cluster than the former centroids give", percent],
  moved_centroids: ["centroids that moved", valueText],
  largest_shift: ["longest way of a centroid", rounded],
  new_clusters: ["new clusters", listed],
  vanished_clusters: ["vanished clusters", listed],
};

/** How clusters changed, where bge-cluster compared them with former ones; undefined where it did not. */
export function pageDrift({ cluster }: LooseManifest): PageDrift | undefined {
  const drift = cluster?.drift;
  if (typeof drift !== "object" || drift === null) return undefined;
  const { like, clusters, farthest, ...rest } = drift as Record<string, unknown>;
  return {
    like: typeof like === "string" ? like : undefined,
    figures: Object.entries(rest).map(([name, value]): Named => {
      const [words, text] = (Object.hasOwn(FIGURES, name) && FIGURES[name]) || [name.replaceAll("_", " "), valueText];
      return [words, text(value)];
    }),
    clusters: entriesOf(clusters).flatMap(({ cluster: id, before, now, shift }) =>
      isNumber(id) && isNumber(before) && isNumber(now)
        ? [{ cluster: id, before, now, ...(isNumber(shift) ? { shift } : {}) }]
        : [],
    ),
    farthest: entriesOf(farthest).flatMap(({ row, text }) =>
      isNumber(row) && typeof text === "string" ? [{ row, text }] : [],
    ),
  };
}

/** The objects of a list that may be damaged. */
function entriesOf(list: unknown): Record<string, unknown>[] {
  return Array.isArray(list) ? list.filter((entry) => typeof entry === "object" && entry !== null) : [];
}
