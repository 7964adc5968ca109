import { basename } from "node:path";
import { counted, grouped } from "../counted.js";
import type { MilvusSummary } from "../run/export/milvus.js";
import type { PineconeSummary } from "../run/export/pinecone.js";
import type { ExportSummary } from "../run/export.js";
import { shellWord } from "../shell-word.js";
import { printable } from "./printable.js";

/** What a person is told of a Parquet file with every row. */
export function tableText({ layout, file, rows, unplaced }: ExportSummary): string {
  const forAtlas = layout === "embedding-atlas";
  const lacking = `, ${grouped(unplaced)} of them without a ${forAtlas ? "place" : "vector"}`;
  const written = `written ${printable(file)}: ${counted(rows, "row")}${unplaced > 0 ? lacking : ""}\n`;
  const next = `Open it: embedding-atlas ${printable(shellWord(file))} --text text --x x --y y\n`;
  return forAtlas ? written + next : written;
}

/** What a person is told of a file for Pinecone's import. */
export function pineconeText({ file, rows, unplaced, cut }: PineconeSummary): string {
  return (
    `written ${printable(file)}: ${counted(rows, "kept row")}${leftOut(unplaced, cut)}\n` +
    `Upload it as IMPORT/NAMESPACE/${printable(basename(file))} and import the folder IMPORT; __default__ is the default namespace\n`
  );
}

/** What a person is told of the rows of a collection. */
export function milvusText(summary: MilvusSummary): string {
  const { collection, server, created, rows, sent, present, unplaced, cut, deleted } = summary;
  const before = present > 0 ? `, ${grouped(present)} of them from before` : "";
  const gone = deleted > 0 ? `; deleted ${grouped(deleted)} that the run removed` : "";
  return `${created ? "made" : "updated"} ${collection} (Milvus ${printable(server)}): ${counted(rows, "kept row")} ${rows === 1 ? "is" : "are"} there${before}${sent === 0 ? ", none was sent" : ""}${leftOut(unplaced, cut)}${gone}\n`;
}

function leftOut(unplaced: number, cut: number): string {
  const lacking = unplaced > 0 ? `, ${grouped(unplaced)} without a vector left out` : "";
  return lacking + (cut > 0 ? `, ${counted(cut, "text")} cut to what fits` : "");
}
