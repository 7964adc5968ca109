/** A path as one word of a shell command, quoted where needed. */
export function shellWord(path: string): string {
  const safe = path.startsWith("-") && path !== "-" ? `./${path}` : path;
  return /^[\w./:@%+,=-]+$/.test(safe) ? safe : `'${safe.replaceAll("'", "'\\''")}'`;
}
