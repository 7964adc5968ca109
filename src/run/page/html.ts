import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { deflateRaw } from "node:zlib";
import { UnavailableError } from "../../errors.js";
import type { PageData } from "../../report/page/data.js";
import { headline } from "../../report/page/headline.js";
import { packPage } from "../../report/page/pack.js";
import { PAGE_MARK } from "../write/stale-page.js";

/** Where `npm run build` puts the script and the style of the page, from dist/src/run/page. */
const BUNDLE = new URL("../../page/", import.meta.url);

/** A part of a Content-Security-Policy that allows one inline script or style: the one with this hash. */
const hashOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/**
 * The page as one HTML document that needs no other file and no network. The data are deflated and in base64, so no
 * text of a user is ever markup; the only exception, the name of the folder, is escaped. The policy allows the one script
 * by its hash and no request at all.
 */
export async function pageHtml(data: PageData): Promise<string> {
  const [script, style, notices] = await Promise.all(
    ["page.js", "page.css", "licences.txt"].map((name) => readFile(new URL(name, BUNDLE), "utf8")),
  ).catch((cause: Error) => {
    throw new UnavailableError(`the page is not part of this installation: ${cause.message}; install bge-dedup again`);
  });
  const packed = await promisify(deflateRaw)(packPage(data), { level: 9 });
  // Observable Plot sets style attributes and adds a style to each plot, which no hash can allow.
  const policy = `default-src 'none'; script-src ${hashOf(script)}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'`;
  const title = escaped(`${data.facts.folder}: what bge-dedup removed`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
${PAGE_MARK}
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<noscript><p>This page draws itself with JavaScript, which is switched off. It needs no network.</p></noscript>
<div id="page" aria-busy="true"><main><section><p class="kicker">bge-dedup · ${escaped(data.facts.folder)}</p><h1>${escaped(headline(data.facts))}</h1></section></main></div>
<script type="application/octet-stream" id="data">${packed.toString("base64")}</script>
<script type="text/plain" id="licences">
${escaped(notices)}</script>
<script>${script}</script>
</body>
</html>
`;
}

/** A text as content or attribute of HTML. */
function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (character) => entities[character]);
}
