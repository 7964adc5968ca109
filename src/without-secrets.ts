/**
 * A URL as a person gave it, valid or not, without what may be secret: user, password, query and fragment. A password
 * may hold a slash or an @.
 */
export function withoutSecrets(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, "$1").replace(/[?#].*/s, "");
}
