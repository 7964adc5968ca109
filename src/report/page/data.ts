/**
 * What the page of a run shows. `bge-dedup report` writes it and the browser reads it; both sides share these types.
 * Figures and names are in `PageFacts`, everything that there is one of for each row is in `PageColumns`.
 */

/** Version of the layout. The page and its data are written together, so it only guards against a mixed build. */
export const PAGE_LAYOUT = 1;

/** A name and a value, as an option of the run. */
export type Named = readonly [name: string, value: string];

/** A text stands for a row in columns as its number + 1; 0 where the page does not carry the text. */
export const NO_TEXT = 0;

/** Reasons of removal in the order of their numbers in `PageColumns.memberReason`. */
export const REASONS = ["exact", "normalized", "semantic"] as const;

/** Number of the reason of rows removed by meaning. */
export const SEMANTIC = REASONS.indexOf("semantic");

/** Counts of rows, as in the manifest. */
export interface PageCounts {
  readonly read: number;
  readonly rejected: number;
  readonly kept: number;
  readonly removed: number;
  readonly exact: number;
  readonly normalized: number;
  readonly semantic: number;
  /** Removed rows that go on account of rows of references; absent where the run had none. */
  readonly against?: number;
}

/** An input of the run. The counts are absent where the folder is of a version that did not record its rows. */
export interface PageSource {
  readonly name: string;
  readonly bytes: number;
  readonly rows?: number;
  readonly removed?: number;
}

/** Rows whose texts have from `from` characters up to less than `to`; without `to` all longer ones. */
export interface LengthClass {
  readonly from: number;
  readonly to?: number;
  readonly kept: number;
  readonly removed: number;
}

/** Equal bins over cosines; the first begins at `from`. A value on a border belongs to the bin above it. */
export interface Bins {
  readonly from: number;
  readonly width: number;
  readonly counts: readonly number[];
}

/** Rows that would be kept at a threshold. */
export interface CurvePoint {
  readonly threshold: number;
  readonly kept: number;
  /** Ends of the 95 % interval, where the figure comes from a sample. */
  readonly low?: number;
  readonly high?: number;
}

/** Nearest other kept rows of a sample of kept rows. */
export interface PageNeighbours {
  /** Kept texts in the sample, and in all. */
  readonly sample: number;
  readonly of: number;
  readonly bins: Bins;
}

/** A cluster of bge-cluster. Distances are Euclidean, between unit vectors and the centroid. */
export interface PageCluster {
  readonly cluster: number;
  readonly size: number;
  readonly terms: readonly string[];
  readonly meanDistance: number;
  /** Rows that show what the cluster is about, the medoid first. */
  readonly typical: readonly PageRow[];
  /** Rows farthest from the centroid for their cluster. */
  readonly outliers: readonly PageRow[];
}

/** A row with its text, which may be cut. */
export interface PageRow {
  readonly row: number;
  readonly text: string;
}

/** How clusters changed since a former run, as the manifest of bge-cluster tells it. */
export interface PageDrift {
  /** Folder of the former run, as given. */
  readonly like?: string;
  /** Figures in words, in the order of the manifest. */
  readonly figures: readonly Named[];
  /** Clusters with their shares of the rows before and now, and the way of the centroid where a cluster was in both. */
  readonly clusters: readonly {
    readonly cluster: number;
    readonly before: number;
    readonly now: number;
    readonly shift?: number;
  }[];
  /** The rows farthest from every former centroid. */
  readonly farthest: readonly PageRow[];
}

/** How the points of the map were placed. */
export interface PageMap {
  readonly method: "umap" | "pca";
  /** Distinct kept texts on the map, and in all. */
  readonly points: number;
  readonly of: number;
  /** Texts that UMAP laid out; the others lie between their nearest ones of these. */
  readonly fitted: number;
}

/** Facts of the page. */
export interface PageFacts {
  readonly layout: typeof PAGE_LAYOUT;
  readonly version: string;
  /** Version of the program that made the folder. */
  readonly madeBy: string;
  readonly folder: string;
  readonly counts: PageCounts;
  readonly threshold: number;
  readonly thresholdSource: string;
  /** Rules that kept near pairs apart: numbers, negation, names. */
  readonly guards: readonly string[];
  /** What slightly higher thresholds would have kept; none where the folder is of a version that did not record it. */
  readonly stricter: readonly { readonly threshold: number; readonly moreKept: number }[];
  readonly model: string;
  readonly options: readonly Named[];
  readonly warnings: readonly string[];
  readonly seconds: readonly (readonly [stage: string, seconds: number])[];
  readonly sources: readonly PageSource[];
  readonly lengths: readonly LengthClass[];
  readonly similarities: Bins;
  readonly neighbours?: PageNeighbours;
  readonly curve: readonly CurvePoint[];
  readonly groups: {
    readonly total: number;
    readonly shown: number;
    /** Groups whose texts the page carries. */
    readonly withTexts: number;
  };
  readonly idField?: string;
  readonly map?: PageMap;
  readonly clusters: readonly PageCluster[];
  readonly drift?: PageDrift;
  /** UTF-16 units after which texts are cut. */
  readonly cutAt: number;
}

/** One entry for each item. Rows and numbers are exact; a similarity is the float32 of removed.arrow. */
export interface PageColumns {
  /** Kept row of each group, the rows that it stands for (itself too), and its members in the list that follows. */
  readonly groupRow: Uint32Array;
  readonly groupSize: Uint32Array;
  readonly groupText: Uint32Array;
  readonly groupId: Uint32Array;
  /** Name of the reference that holds the kept row, as a text; none for a row of the folder itself. */
  readonly groupFolder: Uint32Array;
  readonly groupMembers: Uint32Array;
  /** Removed rows of the groups, group after group. */
  readonly memberRow: Uint32Array;
  readonly memberSimilarity: Float32Array;
  readonly memberReason: Uint8Array;
  readonly memberText: Uint32Array;
  readonly memberId: Uint32Array;
  /** Removed rows whose similarity is nearest to the threshold: member numbers with the group that each belongs to. */
  readonly nearMember: Uint32Array;
  readonly nearGroup: Uint32Array;
  /** Pairs of kept rows nearest below the threshold. */
  readonly apartRowA: Uint32Array;
  readonly apartRowB: Uint32Array;
  readonly apartTextA: Uint32Array;
  readonly apartTextB: Uint32Array;
  readonly apartSimilarity: Float32Array;
  /** Points of the map: place in 0 to 65,535, cluster + 1 (0 for none), first row and text. */
  readonly mapX: Uint16Array;
  readonly mapY: Uint16Array;
  readonly mapCluster: Uint32Array;
  readonly mapRow: Uint32Array;
  readonly mapText: Uint32Array;
  /** Full length of each text in UTF-16 units: more than the page carries where the text was cut. */
  readonly textLength: Uint32Array;
}

/** Everything that the page shows. */
export interface PageData {
  readonly facts: PageFacts;
  readonly columns: PageColumns;
  readonly texts: readonly string[];
}
