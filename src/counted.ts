/**
 * A count with commas between thousands: `1,204`. A fraction is rounded away. `Intl.NumberFormat` writes the same, but to load its
 * tables takes 25 ms of every start.
 */
export function grouped(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** A count with commas between thousands, and its noun in singular or plural: `1 row`, `1,204 rows`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}
