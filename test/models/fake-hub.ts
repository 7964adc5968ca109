import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";

/** A request that the hub or its content network received. */
export interface Received {
  readonly host: "hub" | "cdn";
  readonly method: string;
  readonly url: string;
  readonly range?: string;
  readonly authorization?: string;
}

/** Does something else with a request; returns true where it did. */
export type Fault = (request: Received, response: ServerResponse) => boolean;

/** A repository: small files are plain git blobs, those of at least `LFS_SIZE` bytes lie in the content network. */
export type Repository = ReadonlyMap<string, Buffer>;

const LFS_SIZE = 1000;

export function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Git's id of a blob. */
export function gitBlobId(content: Buffer): string {
  return createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
}

/** The commit of a repository, which depends on its content. */
export function commitOf(repository: Repository): string {
  const hash = createHash("sha1");
  for (const [path, content] of repository) hash.update(path).update(content);
  return hash.digest("hex");
}

/** A listing as the hub's tree interface gives it. */
export function treeOf(repository: Repository): Record<string, unknown>[] {
  return [...repository].map(([path, content]) => ({
    type: "file",
    path,
    size: content.length,
    oid: gitBlobId(content),
    ...(content.length >= LFS_SIZE && {
      lfs: { oid: sha256(content), size: content.length, pointerSize: 130 },
      xetHash: "f".repeat(64),
    }),
  }));
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Serves a whole content or the range that is asked for. */
function serve(content: Buffer, range: string | undefined, response: ServerResponse): void {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
  if (from === undefined) {
    response.writeHead(200, { "content-length": content.length }).end(content);
    return;
  }
  const start = Number(from);
  if (start >= content.length) {
    response.writeHead(416).end();
    return;
  }
  const end = to === "" ? content.length : Number(to) + 1;
  response
    .writeHead(206, {
      "content-length": end - start,
      "content-range": `bytes ${start}-${end - 1}/${content.length}`,
    })
    .end(content.subarray(start, end));
}

/** A hub with its content network, each on a port of its own, so that they are two origins as in life. */
export class FakeHub {
  readonly repositories = new Map<string, Repository>();
  readonly requests: Received[] = [];
  /** Asked first, in order. */
  faults: Fault[] = [];
  /** Replaces the listing of a repository. */
  tree: (repository: Repository) => unknown = treeOf;
  /** Entries of one page of a listing. */
  pageSize = 1000;
  endpoint = "";
  /** Path that its addresses begin with. */
  prefix = "";
  cdnEndpoint = "";
  readonly #sockets = new Set<Socket>();
  readonly #hub = createServer((request, response) => this.#receive("hub", request, response));
  readonly #cdn = createServer((request, response) => this.#receive("cdn", request, response));

  async start(): Promise<this> {
    for (const server of [this.#hub, this.#cdn]) {
      server.on("connection", (socket) => {
        this.#sockets.add(socket);
        socket.on("close", () => this.#sockets.delete(socket));
      });
    }
    this.endpoint = await listen(this.#hub);
    this.cdnEndpoint = await listen(this.#cdn);
    return this;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([this.#hub, this.#cdn].map((server) => new Promise((resolve) => server.close(resolve))));
  }

  /** Addresses that files were fetched from, with the range asked for, in order. */
  get transfers(): string[] {
    return this.requests
      .filter(({ host, url }) => host === "cdn" || url.includes("/resolve/"))
      .map(
        ({ host, url, range }) => `${host} ${url.replace(/^.*\/resolve\/[0-9a-f]+\/|\?.*$/g, "")} ${range ?? "all"}`,
      );
  }

  #receive(host: "hub" | "cdn", incoming: IncomingMessage, response: ServerResponse): void {
    const { method, url, headers } = incoming;
    const request = {
      host,
      method: method ?? "",
      url: url ?? "",
      range: headers.range,
      authorization: headers.authorization,
    };
    this.requests.push(request);
    if (this.faults.some((fault) => fault(request, response))) return;
    if (host === "cdn") this.#serveContent(request, response);
    else if (request.url.includes("/paths-info/")) this.#servePathsInfo(request, incoming, response);
    else this.#serveHub(request, response);
  }

  /** The interface that the hub's own library asks before each file. */
  async #servePathsInfo({ url }: Received, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const name = /^\/api\/models\/([^/]+\/[^/]+)\//.exec(url)?.[1] ?? "";
    const repository = this.repositories.get(name) ?? new Map();
    const { paths } = JSON.parse(await text(incoming)) as { paths: string[] };
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(treeOf(repository).filter(({ path }) => paths.includes(path as string))));
  }

  #serveContent({ url, range }: Received, response: ServerResponse): void {
    const digest = url.split("?")[0].slice(1);
    const contents = [...this.repositories.values()].flatMap((repository) => [...repository.values()]);
    const content = contents.find((each) => sha256(each) === digest);
    response.setHeader("etag", `"${digest}"`);
    if (content === undefined) response.writeHead(404).end();
    else serve(content, range, response);
  }

  #serveHub({ url, range }: Received, response: ServerResponse): void {
    const { pathname: full, searchParams } = new URL(url, this.endpoint);
    const pathname = full.startsWith(this.prefix) ? full.slice(this.prefix.length) : "";
    const [, name, revision, path] =
      /^\/api\/models\/([^/]+\/[^/]+)\/(?:revision|tree)\/([^/]+)()$/.exec(pathname) ??
      /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(pathname) ??
      [];
    const repository = this.repositories.get(name);
    const commit = repository && commitOf(repository);
    if (repository === undefined || commit === undefined || (revision !== "main" && revision !== commit)) {
      response.writeHead(404, { "x-error-code": "RepoNotFound", "x-error-message": "Repository not found" }).end();
    } else if (path === "" && pathname.includes("/revision/")) {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ _id: "1", id: name, sha: commit, lastModified: "2024-01-01T00:00:00.000Z" }));
    } else if (path === "") {
      const all = this.tree(repository) as unknown[];
      const from = Number(searchParams.get("cursor") ?? 0);
      const next = from + this.pageSize;
      const link = `<${this.endpoint}${pathname}?recursive=true&cursor=${next}>; rel="next"`;
      response.writeHead(200, { "content-type": "application/json", ...(next < all.length && { link }) });
      response.end(JSON.stringify(Array.isArray(all) ? all.slice(from, next) : all));
    } else {
      this.#serveFile(repository.get(path), commit, range, response);
    }
  }

  #serveFile(content: Buffer | undefined, commit: string, range: string | undefined, response: ServerResponse): void {
    response.setHeader("x-repo-commit", commit);
    if (content === undefined) {
      response.writeHead(404, { "x-error-code": "EntryNotFound" }).end();
    } else if (content.length < LFS_SIZE) {
      response.setHeader("etag", `"${gitBlobId(content)}"`);
      serve(content, range, response);
    } else {
      response.setHeader("x-linked-etag", `"${sha256(content)}"`);
      response.setHeader("x-linked-size", content.length);
      response.writeHead(302, { location: `${this.cdnEndpoint}/${sha256(content)}?Signature=secret-of-the-cdn` }).end();
    }
  }
}

/** Sends the first bytes of a content and then drops the connection. */
export function breakOff(response: ServerResponse, content: Buffer, from: number, to: number): void {
  response.writeHead(from === 0 ? 200 : 206, {
    "content-length": content.length - from,
    ...(from > 0 && { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` }),
  });
  response.write(content.subarray(from, to), () => setTimeout(() => response.destroy(), 20));
}

/** Seeded bytes that do not compress and differ everywhere. */
export function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
