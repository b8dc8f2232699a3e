/**
 * @file A small Hugging Face Hub for tests, as two origins: the Hub's (its API, `resolve` with redirects) and a CDN's
 * (signed addresses, byte ranges). Layout, headers and codes are those of huggingface.co; every request is written down.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Bytes of a file, without having them all: `at` gives those of `[begin, end)`. */
export interface HubFile {
  size: number;
  at(begin: number, end: number): Uint8Array;
  /** Stored as LFS, and so with this sha-256 (hex) in the listing, and on the CDN. Small text files are not. */
  sha256: string | null;
}

export interface HubModel {
  /** Branches and tags to commits. */
  refs: Record<string, string>;
  /** Files by commit. */
  commits: Record<string, ReadonlyMap<string, HubFile>>;
  /** `token`: only with the right one. `licence`: not even then, until the licence is accepted. */
  gated?: 'token' | 'licence';
}

export interface HubRequest {
  host: 'hub' | 'cdn';
  method: string;
  path: string;
  /** The `Authorization` header as it came. */
  authorization: string | null;
  range: string | null;
  /** Bytes of the body that were sent. */
  sent: number;
}

/** What goes wrong, until it is taken out. */
export interface Troubles {
  /** Answers of the Hub with this code (and headers), whatever is asked. */
  refuse?: { status: number; headers?: Record<string, string> };
  /** The CDN sends so many bytes of all answers together, then cuts every connection. */
  cutAfter?: number;
  /** Signed addresses are good for so many requests. */
  signatures?: number;
  /** Called before each CDN answer's body: an answer waits for what it returns. */
  before?: (path: string, begin: number) => Promise<void> | void;
  /** Leaves out what lets other sites' pages read the answers. */
  noCors?: boolean;
  /** Ranges come without `Content-Range`, as to a page that may not read it. */
  bareRanges?: boolean;
}

interface Refusal {
  status: number;
  code: string;
}

export const TOKEN = 'hf_right';

export class HubServer {
  readonly models = new Map<string, HubModel>();
  readonly requests: HubRequest[] = [];
  troubles: Troubles = {};
  private readonly servers: { hub: Server; cdn: Server };
  private sent = 0;
  private uses = new Map<string, number>();
  private signature = 0;

  private constructor() {
    this.servers = {
      hub: createServer((request, response) => this.answer('hub', request, response)),
      cdn: createServer((request, response) => this.answer('cdn', request, response)),
    };
  }

  static async start(): Promise<HubServer> {
    const server = new HubServer();
    for (const one of Object.values(server.servers)) {
      await new Promise<void>((done) => one.listen(0, '127.0.0.1', done));
    }
    return server;
  }

  /** The Hub's address, as `localhost`; the CDN's is another host, `127.0.0.1`. */
  get url(): string {
    return `http://localhost:${(this.servers.hub.address() as AddressInfo).port}`;
  }

  private get cdnUrl(): string {
    return `http://127.0.0.1:${(this.servers.cdn.address() as AddressInfo).port}`;
  }

  /** Ends troubles and forgets requests. */
  reset(): void {
    this.troubles = {};
    this.requests.length = 0;
    this.sent = 0;
    this.uses = new Map();
  }

  /** Bytes that the CDN has sent since the last reset. */
  get cdnBytes(): number {
    return this.requests.filter(({ host }) => host === 'cdn').reduce((sum, { sent }) => sum + sent, 0);
  }

  async close(): Promise<void> {
    for (const server of Object.values(this.servers)) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  }

  private answer(host: HubRequest['host'], request: IncomingMessage, response: ServerResponse): void {
    const { headers, method = 'GET', url = '/' } = request;
    const log: HubRequest = {
      host,
      method,
      path: url,
      authorization: headers.authorization ?? null,
      range: headers.range ?? null,
      sent: 0,
    };
    this.requests.push(log);
    if (!this.troubles.noCors) this.allowOthers(request, response);
    if (method === 'OPTIONS') {
      response.writeHead(204).end();
      return;
    }
    const work = host === 'hub' ? this.hub(log, response) : this.cdn(log, response);
    work.catch(() => response.destroy());
  }

  private allowOthers({ headers }: IncomingMessage, response: ServerResponse): void {
    response.setHeader('access-control-allow-origin', headers.origin ?? '*');
    response.setHeader('access-control-allow-headers', 'authorization, range');
    response.setHeader(
      'access-control-expose-headers',
      'X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag,X-Xet-Hash,Retry-After',
    );
    // The tests' page may be isolated from other origins.
    response.setHeader('cross-origin-resource-policy', 'cross-origin');
  }

  private async hub(log: HubRequest, response: ServerResponse): Promise<void> {
    const { refuse } = this.troubles;
    if (refuse) return refuseWith(response, refuse.status, '', refuse.headers);
    // Datasets have the same ways as models, in a space of their own.
    const path = new URL(log.path, this.url).pathname
      .replace(/^\/api\/datasets\//, '/api/models/')
      .replace(/^\/datasets\//, '/');
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/([^/]+)$/.exec(path);
    if (api) return this.api(log, response, api[1], decodeURIComponent(api[2]));
    const resolve = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    if (resolve) {
      const [, id, revision, name] = resolve.map(decodeURIComponent);
      return this.resolve(log, response, id, revision, name);
    }
    refuseWith(response, 404, '');
  }

  private async api(log: HubRequest, response: ServerResponse, id: string, revision: string): Promise<void> {
    const found = this.find(log, id, revision);
    if ('status' in found) return refuseWith(response, found.status, found.code);
    const siblings = [...found.files].map(([rfilename, { size, sha256 }]) => ({
      rfilename,
      size,
      ...(sha256 !== null && { lfs: { sha256, size, pointerSize: 134 } }),
    }));
    const info = { id, sha: found.commit, gated: found.model.gated ? 'auto' : false, siblings };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(info));
  }

  private async resolve(
    log: HubRequest,
    response: ServerResponse,
    id: string,
    revision: string,
    name: string,
  ): Promise<void> {
    const found = this.find(log, id, revision);
    if ('status' in found) return refuseWith(response, found.status, found.code);
    const { model, files, commit } = found;
    if (model.gated && (log.authorization === null || model.gated === 'licence')) {
      return refuseWith(response, log.authorization === null ? 401 : 403, 'GatedRepo');
    }
    const file = files.get(name);
    if (!file) return refuseWith(response, 404, 'EntryNotFound');
    if (file.sha256 === null) return this.send(log, response, file, `"${commit}"`);
    response.writeHead(302, {
      location: `${this.cdnUrl}/repos/${id}/${commit}/${name}?Expires=1&Signature=${++this.signature}`,
      'x-repo-commit': commit,
      'x-linked-size': file.size,
      'x-linked-etag': `"${file.sha256}"`,
    });
    response.end();
  }

  private find(
    log: HubRequest,
    id: string,
    revision: string,
  ): Refusal | { model: HubModel; commit: string; files: ReadonlyMap<string, HubFile> } {
    if (log.authorization !== null && log.authorization !== `Bearer ${TOKEN}`) {
      return { status: 401, code: '' };
    }
    const model = this.models.get(id);
    if (!model) return { status: log.authorization === null ? 401 : 404, code: 'RepoNotFound' };
    const commit = model.refs[revision] ?? revision;
    const files = model.commits[commit];
    return files ? { model, commit, files } : { status: 404, code: 'RevisionNotFound' };
  }

  private async cdn(log: HubRequest, response: ServerResponse): Promise<void> {
    const url = new URL(log.path, this.cdnUrl);
    const signature = url.searchParams.get('Signature') ?? '';
    const uses = (this.uses.get(signature) ?? 0) + 1;
    this.uses.set(signature, uses);
    if (uses > (this.troubles.signatures ?? Number.POSITIVE_INFINITY)) return refuseWith(response, 403, '');
    const [, owner, repo, commit, name] =
      /^\/repos\/([^/]+)\/([^/]+)\/([^/]+)\/(.+)$/.exec(url.pathname) ?? [];
    const file = this.models.get(`${owner}/${repo}`)?.commits[commit]?.get(name);
    if (!file) return refuseWith(response, 404, '');
    await this.send(log, response, file, `"cdn-${commit}-${name}"`);
  }

  private async send(log: HubRequest, response: ServerResponse, file: HubFile, etag: string): Promise<void> {
    const asked = /^bytes=(\d+)-(\d*)$/.exec(log.range ?? '');
    const begin = asked ? Number(asked[1]) : 0;
    const end = Math.min(asked?.[2] ? Number(asked[2]) + 1 : file.size, file.size);
    if (asked && begin >= file.size) {
      response.writeHead(416, { 'content-range': `bytes */${file.size}` }).end();
      return;
    }
    response.writeHead(asked ? 206 : 200, {
      'content-type': 'application/octet-stream',
      'content-length': end - begin,
      'accept-ranges': 'bytes',
      etag,
      ...(asked &&
        !this.troubles.bareRanges && { 'content-range': `bytes ${begin}-${end - 1}/${file.size}` }),
    });
    if (log.method === 'HEAD') {
      response.end();
      return;
    }
    await this.troubles.before?.(log.path, begin);
    for (let at = begin; at < end; ) {
      const limit = log.host === 'cdn' ? (this.troubles.cutAfter ?? Infinity) - this.sent : Infinity;
      const upTo = Math.min(at + 256 * 1024, end, at + limit);
      const bytes = file.at(at, upTo);
      if (bytes.byteLength > 0 && !response.write(bytes)) {
        await new Promise<void>((done) => {
          const go = () => {
            response.off('drain', go).off('close', go);
            done();
          };
          response.on('drain', go).on('close', go);
        });
      }
      if (response.destroyed) return;
      if (log.host === 'cdn') this.sent += bytes.byteLength;
      log.sent += bytes.byteLength;
      at = upTo;
      if (at < end && limit <= bytes.byteLength) {
        // What was written is on its way before the connection is cut.
        await new Promise<void>((done) => response.write('', () => done()));
        response.destroy();
        return;
      }
    }
    response.end();
  }
}

function refuseWith(
  response: ServerResponse,
  status: number,
  code: string,
  headers: Record<string, string> = {},
): void {
  response
    .writeHead(status, { ...(code && { 'x-error-code': code }), ...headers })
    .end(`{"error":"${status}"}`);
}

/** A file in memory; `lfs` where its publisher names its hash. */
export function hubFile(bytes: Uint8Array, lfs = false): HubFile {
  return {
    size: bytes.byteLength,
    at: (begin, end) => bytes.subarray(begin, end),
    sha256: lfs ? createHash('sha256').update(bytes).digest('hex') : null,
  };
}
