/** Values of `--sort` of `groups`. */
export const GROUP_ORDERS = ["size", "similarity"] as const;
/** Order of the groups: largest first, or the one with the least similar removed row first. */
export type GroupOrder = (typeof GROUP_ORDERS)[number];
