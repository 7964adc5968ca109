import type { PageData } from "../report/page/data.js";
import { unpackPage } from "../report/page/pack.js";

/** Reads the data of the page out of its own document. @throws Error where they are damaged */
export async function loadData(): Promise<PageData> {
  const holder = document.getElementById("data");
  const packed = fromBase64(holder?.textContent ?? "");
  // Base64 of megabytes need not stay in memory.
  holder?.remove();
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return unpackPage(new Uint8Array(await new Response(stream).arrayBuffer()));
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.trim());
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
