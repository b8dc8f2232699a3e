/** @file Bytes over HTTP: a range at a time where the server can, into memory that is used again, and what its refusals mean. */
import { ModelError } from './errors';

/** Memory that reading may exchange for other memory of the same size: the browser fills it and hands it back. */
export interface Block {
  memory: Uint8Array<ArrayBuffer>;
}

export function newBlock(bytes: number): Block {
  return { memory: new Uint8Array(bytes) };
}

/** The name of a file and where it is, for messages. */
export interface Target {
  name: string;
  url: string;
}

export interface RequestOptions {
  method?: 'GET' | 'HEAD';
  /** Bytes `[begin, end)`; everything where left out. */
  range?: { begin: number; end: number };
  headers?: Record<string, string>;
  /** `no-cache` asks the server whatever the browser keeps, `no-store` keeps nothing. */
  cache?: RequestCache;
  signal?: AbortSignal;
}

/** @throws ModelError `offline`, `blocked` or `network` when no answer comes; the signal's reason when aborted. */
export async function request(target: Target, options: RequestOptions = {}): Promise<Response> {
  const { method, range, cache, signal } = options;
  const headers = { ...options.headers, ...(range && { range: `bytes=${range.begin}-${range.end - 1}` }) };
  try {
    return await fetch(target.url, { method, headers, cache, signal });
  } catch (cause) {
    signal?.throwIfAborted();
    throw await explain(target, cause);
  }
}

async function explain({ name, url }: Target, cause: unknown): Promise<ModelError> {
  if (globalThis.navigator?.onLine === false) {
    return new ModelError(
      'offline',
      `${name} could not be fetched from ${url}: this machine is offline.`,
      'Connect to the network and load the model again; what has been downloaded is kept.',
      { cause },
    );
  }
  if (await answersOthers(url)) {
    return new ModelError(
      'blocked',
      `${name} could not be fetched from ${url}: the server answers, but does not let this page read its files (CORS).`,
      'Download the folder with other means and drop it here, or ask its host to allow cross-origin reading.',
      { cause },
    );
  }
  return new ModelError(
    'network',
    `${name} could not be fetched from ${url}.`,
    'Check the connection and the address; another site must allow this page to read its files (CORS).',
    { cause },
  );
}

/** Whether the server answers a request whose answer may not be read: only browsers withhold answers. */
async function answersOthers(url: string): Promise<boolean> {
  const { location } = globalThis as { location?: { origin: string } };
  if (!location || new URL(url).origin === location.origin) return false;
  return fetch(url, { method: 'HEAD', mode: 'no-cors', cache: 'no-store' }).then(
    () => true,
    () => false,
  );
}

/** What an answer says of the file. */
export interface Facts {
  /** Of the whole file; null where the answer does not say. */
  size: number | null;
  /** Whether the answer is the range that was asked for. */
  ranged: boolean;
  /** Tells one version of the file from another; null where the answer does not. */
  validator: string | null;
}

/**
 * @param asked the range that was asked for
 * @throws ModelError `wrongContent` for a range that is another than the one that was asked for
 */
export function factsOf(response: Response, name: string, asked?: { begin: number; end: number }): Facts {
  const { headers } = response;
  const validator = strongPart(headers.get('etag') ?? headers.get('last-modified'));
  const length = bodyLength(headers);
  if (response.status !== 206) return { size: length, ranged: false, validator };
  const wrong = (found: string) =>
    new ModelError(
      'wrongContent',
      `The server was asked for ${asked ? `bytes ${asked.begin} to ${asked.end - 1}` : 'all'} of ${name} and sent ${found}.`,
      'Load the model again. If it stays so, its server cannot be used: download the folder with other means and drop it here.',
    );
  if (!asked) throw wrong('a part of it');
  const said = headers.get('content-range');
  // Not every host lets other sites' pages read it: then the length alone can be compared.
  if (said === null) {
    if (length !== null && length > asked.end - asked.begin) throw wrong(`${length} bytes`);
    return { size: null, ranged: true, validator };
  }
  const [, first, last, total] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(said.trim()) ?? [];
  const end = Number(last) + 1;
  const size = total === undefined || total === '*' ? null : Number(total);
  // A range may only be shorter where the file ends.
  const whole = end === asked.end || (end < asked.end && end === size);
  if (Number(first) !== asked.begin || !whole || (length !== null && length !== end - asked.begin)) {
    throw wrong(`“${said}”${length === null ? '' : ` with ${length} bytes`}`);
  }
  return { size, ranged: true, validator };
}

/** Null where the answer does not say, and of a compressed body, whose length is known only after it has been read. */
function bodyLength(headers: Headers): number | null {
  const length = headers.get('content-length');
  const encoded = (headers.get('content-encoding') ?? 'identity') !== 'identity';
  return encoded || length === null || !/^\d{1,15}$/.test(length) ? null : Number(length);
}

/** Servers that compress on the way mark the same file's tag as weak. */
function strongPart(tag: string | null): string | null {
  return tag?.replace(/^W\//, '') ?? null;
}

/** Milliseconds that an answer whose bytes have all come may take to end. */
const END_PATIENCE = 500;

/** A body read piece by piece into blocks. */
export class Body {
  private readonly byob: ReadableStreamBYOBReader | null;
  private readonly plain: ReadableStreamDefaultReader<Uint8Array> | null;
  /** Of a chunk that came with more than was asked for. */
  private rest: Uint8Array = new Uint8Array(0);

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>> | null) {
    this.byob = stream && byobReader(stream);
    this.plain = this.byob ? null : (stream?.getReader() ?? null);
  }

  /**
   * Fills a block's bytes `[at, at + length)`, fewer only where the body ends.
   * @param onBytes Told of bytes as soon as they are in the block.
   * @returns how many came
   * @throws what the connection throws; the block's content is undefined then, what `onBytes` was told of was there.
   */
  async fill(
    block: Block,
    at: number,
    length: number,
    onBytes?: (from: number, bytes: number) => void,
  ): Promise<number> {
    let done = 0;
    const capacity = block.memory.byteLength;
    while (done < length) {
      const count = this.byob
        ? await this.readByob(this.byob, block, at + done, length - done, capacity)
        : await this.readPlain(block, at + done, length - done);
      if (count === 0) break;
      onBytes?.(at + done, count);
      done += count;
    }
    return done;
  }

  private async readByob(
    reader: ReadableStreamBYOBReader,
    block: Block,
    at: number,
    length: number,
    capacity: number,
  ): Promise<number> {
    try {
      const { value } = await reader.read(new Uint8Array(block.memory.buffer, at, length));
      if (!value) return 0;
      block.memory = new Uint8Array(value.buffer as ArrayBuffer);
      return value.byteLength;
    } finally {
      // Memory handed to a body that broke is gone.
      if (block.memory.byteLength !== capacity) block.memory = new Uint8Array(capacity);
    }
  }

  private async readPlain(block: Block, at: number, length: number): Promise<number> {
    while (this.rest.byteLength === 0) {
      const { done, value } = (await this.plain?.read()) ?? { done: true };
      if (done || !value) return 0;
      this.rest = value;
    }
    const piece = this.rest.subarray(0, length);
    block.memory.set(piece, at);
    this.rest = this.rest.subarray(piece.byteLength);
    return piece.byteLength;
  }

  /** Passes over bytes. @returns how many there were of them */
  async skip(bytes: number): Promise<number> {
    const scratch = newBlock(Math.min(bytes, 256 * 2 ** 10));
    let done = 0;
    while (done < bytes) {
      const got = await this.fill(scratch, 0, Math.min(scratch.memory.byteLength, bytes - done));
      if (got === 0) break;
      done += got;
    }
    return done;
  }

  /**
   * For an answer of which all that was asked for has come: sees it end, so that the browser does not take it for broken
   * off. One that goes on is given up.
   */
  async finish(): Promise<void> {
    const patience = new Promise<number>((resolve) => setTimeout(() => resolve(1), END_PATIENCE));
    const more = await Promise.race([this.fill(newBlock(1), 0, 1), patience]).catch(() => 1);
    if (more > 0) await this.cancel();
  }

  /** Lets go of the connection. */
  async cancel(): Promise<void> {
    await (this.byob ?? this.plain)?.cancel().catch(() => undefined);
  }
}

/** A reader that fills memory of ours, where the browser has one: others make garbage of every chunk. */
function byobReader(body: ReadableStream): ReadableStreamBYOBReader | null {
  try {
    return body.getReader({ mode: 'byob' });
  } catch {
    return null;
  }
}

/** The error for an answer that is a refusal. */
export function refusal({ status, statusText, headers }: Response, { name, url }: Target): ModelError {
  const message = `The server answered ${[status, statusText].join(' ').trim()} for ${name} (${url}).`;
  const notPublic = 'The files are not public; choose a model that may be read without signing in.';
  if (status === 401) return new ModelError('unauthorized', message, notPublic);
  if (status === 403) return new ModelError('forbidden', message, notPublic);
  if (status === 429) return new ModelError('rateLimited', message, tooMany(headers.get('retry-after')));
  if (status >= 500) return new ModelError('server', message, 'The fault is at the server; try again later.');
  return new ModelError('network', message, 'Check the address in the browser.');
}

function tooMany(retryAfter: string | null): string {
  const seconds = retryAfter === null ? Number.NaN : Number(retryAfter);
  const wait = Number.isFinite(seconds) ? `${seconds} seconds` : 'a minute';
  return `Too many requests: wait ${wait}, then try again. What has been downloaded is kept.`;
}

/** @throws ModelError `wrongContent` where a web page came instead of a file. */
export async function refusePage(response: Response, { name, url }: Target): Promise<void> {
  if (!/^text\/html/i.test(response.headers.get('content-type') ?? '')) return;
  await response.body?.cancel();
  throw new ModelError(
    'wrongContent',
    `A web page came in place of ${name} from ${url}.`,
    'The server answers with a page where a file is missing: check that the folder is there and holds the file.',
  );
}

export function cutShort(
  name: string,
  loaded: number,
  announced: number | null,
  cause?: unknown,
): ModelError {
  const expected = announced ? ` of ${announced}` : '';
  return new ModelError(
    'truncated',
    `The download of ${name} broke off after ${loaded}${expected} bytes.`,
    'Check the connection, then load the model again: it goes on where it broke off.',
    { cause },
  );
}
