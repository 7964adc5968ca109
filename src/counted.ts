const whole = new Intl.NumberFormat("en-US");

/** A count with commas between thousands, and its noun in singular or plural: `1 row`, `1,204 rows`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${whole.format(count)} ${count === 1 ? one : many}`;
}
