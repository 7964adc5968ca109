/** Forms in which a folder is exported. */
export const LAYOUTS = ["plain", "embedding-atlas"] as const;
/** Name of such a form. */
export type Layout = (typeof LAYOUTS)[number];
