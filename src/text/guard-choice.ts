/** In what two texts must agree before they are merged (`--guard`). */
export interface Guards {
  /** Numbers, dates, times, percentages and versions, however they are written. */
  readonly numbers: boolean;
  /** The number of negations. */
  readonly negation: boolean;
  /** Names of people, places and organisations, quoted titles, product codes and identifiers. */
  readonly names: boolean;
}

/** Whether any guard is on. */
export function isGuarded({ numbers, negation, names }: Guards): boolean {
  return numbers || negation || names;
}
