/** Names of the files by which tasks of one stage hand columns to another; the stage that writes a file says what it holds. */
export const FILES = {
  read: { rows: "rows.arrow", entries: "entries.arrow", guards: "guards.arrow", scanned: "scanned.json" },
  exact: { groups: "groups.arrow", raws: "raws.arrow" },
  number: {
    shards: "shards.arrow",
    groups: "groups.arrow",
    known: "known.arrow",
    references: "references.arrow",
    schema: "schema.json",
  },
  embed: { vectors: "vectors.arrow", groups: "groups.arrow" },
  order: { vectors: "vectors.arrow", priority: "priority.arrow" },
  decide: { outcome: "outcome.arrow" },
} as const;
