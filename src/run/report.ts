import { existsSync } from "node:fs";
import { rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, extname, join, resolve } from "node:path";
import { UsageError } from "../errors.js";
import { createOrtEngine } from "../onnx/ort-engine.js";
import type { PageFacts } from "../report/page/data.js";
import { PAGE_LAYOUT, SEMANTIC } from "../report/page/data.js";
import { binCosines, thresholdCurve } from "../report/page/figures.js";
import type { Reporter } from "../reporter.js";
import { chooseGroups } from "./page/choose-groups.js";
import { readClusters } from "./page/clusters.js";
import { type ColumnSources, pageColumns, wantedRows } from "./page/columns.js";
import { pageDrift } from "./page/drift.js";
import {
  guardNames,
  type LooseManifest,
  modelLine,
  optionLines,
  pageCounts,
  pageSources,
  stageSeconds,
  stricterThresholds,
  warningLines,
} from "./page/facts.js";
import { pageHtml } from "./page/html.js";
import { findKeeperTexts } from "./page/keeper-texts.js";
import type { SampledNeighbours } from "./page/neighbours.js";
import { type Survey, surveyTables } from "./page/survey.js";
import { CUT_AT, findTexts, PageTexts } from "./page/texts.js";
import { apartPairs, keptVectors, measureVectors } from "./page/vectors.js";
import { resultFile } from "./read/result-table.js";
import { type DedupManifest, readDedupManifest, requireUnchanged } from "./work/dedup-folder.js";
import { VERSION } from "./work/manifest.js";
import { EMBEDDINGS, REPORT } from "./write/output-names.js";
import { partOf, requireWritable } from "./write/target.js";

/** UTF-8 of the texts of a page, before they are deflated: with them a page of 50,000 rows stays below 3 MB. */
const TEXT_BYTES = 2_750_000;
/** Pairs of kept rows that are shown. */
const APART_PAIRS = 200;

/** What `report` says of the page it wrote. */
export interface ReportSummary {
  readonly command: "report";
  readonly file: string;
  readonly bytes: number;
  /** Groups in all, on the page, and with their texts. */
  readonly groups: { readonly total: number; readonly shown: number; readonly with_texts: number };
  /** Points of the map; 0 where there are too few vectors for one. */
  readonly points: number;
  readonly clusters: number;
}

/**
 * Writes the page of a folder: what was removed and why, as one HTML file that needs no network. Tables are read in
 * bounded batches; held are some 70 bytes a row, 64 MB of texts at most,
 * and the vectors of samples.
 * @param options.out path of the page; report.html in the folder if absent
 * @throws InputError if the folder is not one that bge-dedup wrote in Arrow format; UsageError where `out` cannot be the
 * page; FailedRunError if another run writes to the folder meanwhile
 */
export async function writeReport(options: {
  readonly folder: string;
  readonly out?: string;
  readonly threads: number;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}): Promise<ReportSummary> {
  const { folder, threads, reporter, signal } = options;
  const out = options.out ?? join(folder, REPORT);
  const manifest = await readDedupManifest(folder);
  await checkOut(out);
  const loose = JSON.parse(manifest.text) as LooseManifest;
  const [keptPath, removedPath, storePath] = ["kept.arrow", "removed.arrow", EMBEDDINGS].map((name) =>
    resultFile({ folder, manifest, name, needs: "report" }),
  );

  const reading = reporter.stage("read", manifest.counts.kept + manifest.counts.removed);
  const survey = await surveyTables({
    keptPath,
    removedPath,
    options: manifest.options,
    references: manifest.references !== undefined,
    onRows(rows) {
      signal?.throwIfAborted();
      reading.advance(rows);
    },
  });
  reading.end();
  const clusters = await readClusters(folder, manifest);
  const kept = keptVectors(survey);
  const engine = createOrtEngine({ threads });
  const { neighbours, points } = await measureVectors({ storePath, kept, engine, reporter, signal });
  const apart = apartPairs(neighbours?.pairs ?? [], manifest.threshold, APART_PAIRS);
  const groups = chooseGroups(survey);
  const keepers = await findKeeperTexts({ folder, manifest, folders: survey.folders, groups });
  const sources: ColumnSources = { survey, groups, apart, keptVectors: kept, points, clusters, keepers };

  const idField = typeof loose.options?.idField === "string" ? loose.options.idField : undefined;
  const paths = [keptPath, removedPath];
  const found = await findTexts({ wanted: wantedRows(sources), paths, options: manifest.options, idField });
  const texts = new PageTexts(TEXT_BYTES);
  const columns = pageColumns(sources, found, texts);
  const facts: PageFacts = {
    ...factsOf({ folder, manifest, loose, survey, neighbours }),
    groups: {
      total: groups.total,
      shown: groups.counts.length,
      withTexts: columns.groupText.filter((text) => text > 0).length,
    },
    idField,
    map: points && { method: points.method, points: points.rows.length, of: kept.rows.length, fitted: points.fitted },
    clusters: clusters?.clusters ?? [],
  };
  const textLength = Uint32Array.from(texts.lengths);
  const html = await pageHtml({ facts, columns: { ...columns, textLength }, texts: texts.texts });
  await requireUnchanged(folder, manifest);
  await writeWhole(out, html);
  return {
    command: "report",
    file: out,
    bytes: Buffer.byteLength(html),
    groups: { total: groups.total, shown: facts.groups.shown, with_texts: facts.groups.withTexts },
    points: points?.rows.length ?? 0,
    clusters: facts.clusters.length,
  };
}

/** The facts that come from the manifest and the survey. */
function factsOf(from: {
  readonly folder: string;
  readonly manifest: DedupManifest;
  readonly loose: LooseManifest;
  readonly survey: Survey;
  readonly neighbours?: SampledNeighbours;
}) {
  const { folder, manifest, loose, survey, neighbours } = from;
  const { threshold, counts } = manifest;
  const { similarity, reason } = survey.removed;
  const semantic = similarity.filter((_, i) => reason[i] === SEMANTIC);
  return {
    layout: PAGE_LAYOUT,
    version: VERSION,
    madeBy: String(loose.version ?? "unknown"),
    folder: basename(resolve(folder)),
    counts: pageCounts(counts),
    threshold,
    thresholdSource: String(loose.threshold_source ?? ""),
    guards: guardNames(loose),
    stricter: stricterThresholds(loose),
    model: modelLine(loose),
    options: optionLines(loose),
    warnings: warningLines(loose),
    seconds: stageSeconds(loose),
    sources: pageSources(loose, survey),
    lengths: survey.lengths.classes(),
    similarities: binCosines(semantic, threshold, 1),
    neighbours: neighbours && {
      sample: neighbours.sample,
      of: keptVectors(survey).rows.length,
      bins: binCosines(neighbours.nearest, Math.min(0, threshold), threshold),
    },
    curve: thresholdCurve({ threshold, kept: counts.kept, semantic, nearest: neighbours?.earlier }),
    drift: pageDrift(loose),
    cutAt: CUT_AT,
  } as const;
}

/**
 * Refuses a page in the place of a result or of data, and one that cannot be written, before the work begins.
 * @throws UsageError
 */
async function checkOut(out: string): Promise<void> {
  if (existsSync(out) && (await stat(out)).isDirectory()) {
    throw new UsageError(`--out ${out} is a folder; name the file of the page, as ${join(out, REPORT)}`);
  }
  if (![".html", ".htm"].includes(extname(out).toLowerCase())) {
    throw new UsageError(`--out ${out} is no name of a page; expected a path that ends in .html`);
  }
  await requireWritable(out, "out");
}

/** Writes a file so that it is there as a whole or not at all. */
async function writeWhole(path: string, text: string): Promise<void> {
  const part = partOf(path);
  try {
    await writeFile(part, text);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}
