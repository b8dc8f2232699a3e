/**
 * @file A folder on a server as a source: several ranges in flight, each byte kept on this machine as it comes, what
 * is kept not fetched again.
 */
import { ModelError } from './errors';
import { RunningHash } from './hash';
import { type Block, Body, cutShort, factsOf, newBlock, refusePage } from './http';
import type { Remote } from './remote';
import { CHUNK_BYTES, type FileSource, type SourceFile, type StreamOptions } from './source';
import type { KeptModel } from './store/keptModel';

/** Chunks that are read ahead, together. */
const IN_FLIGHT = 4;
/** Asked for when a file is opened: most small files whole, and most headers. */
const FIRST_BYTES = 256 * 2 ** 10;
const firstRange = { begin: 0, end: FIRST_BYTES };
/** Times that a range is asked for again though nothing of it came: servers close connections that rest. */
const RETRIES = 2;

/** @param kept Where bytes are kept; null keeps none. */
export function networkSource(remote: Remote, kept: KeptModel | null): FileSource {
  const opened: NetworkFile[] = [];
  return {
    location: remote.location,
    names: remote.listing && [...remote.listing.keys()],
    notes: () => opened.flatMap(({ note }) => note ?? []),
    async open(name, signal) {
      signal?.throwIfAborted();
      if (remote.listing && !remote.listing.has(name)) return null;
      const file = await openFile(remote, kept, name, signal);
      if (file) opened.push(file);
      return file;
    },
    async close() {
      await Promise.all(opened.map((file) => file.release()));
      await kept?.close();
    },
  };
}

async function openFile(
  remote: Remote,
  kept: KeptModel | null,
  name: string,
  signal?: AbortSignal,
): Promise<NetworkFile | null> {
  const announced = remote.listing?.get(name);
  const sha256 = announced?.sha256 ?? null;
  const entry = kept?.entry(name);
  if (kept && entry && (entry.ranges.length > 0 || kept.isWhole(name))) {
    const standing = await remote.compare(name, entry, signal);
    if (standing === 'gone') {
      kept.markAbsent(name);
      return null;
    }
    if (standing === 'changed') kept.discard(name);
    else if (entry.size !== null) {
      return new NetworkFile(remote, kept, name, sha256, entry.size, entry.validator);
    }
  }
  const response = await firstBytes(remote, kept, name, signal);
  if (!response) {
    kept?.markAbsent(name);
    return null;
  }
  await refusePage(response, { name, url: response.url });
  const { ranged, validator, ...facts } = factsOf(response, name, firstRange);
  // Not every host lets other sites' pages read `Content-Range`.
  const size = facts.size ?? announced?.size ?? null;
  kept?.begin(name, { size, validator });
  const file = new NetworkFile(remote, kept, name, sha256, size, validator);
  await file.receive(response, ranged, signal);
  await kept?.save();
  return file;
}

/** The server's answer for a file's start; null where it has no such file, or was found not to have one and cannot be asked. */
async function firstBytes(
  remote: Remote,
  kept: KeptModel | null,
  name: string,
  signal?: AbortSignal,
): Promise<Response | null> {
  try {
    return await remote.get(name, { range: firstRange, signal });
  } catch (error) {
    const unreachable = error instanceof ModelError && /^(network|offline|blocked)$/.test(error.kind);
    if (unreachable && kept?.manifest.absent.includes(name)) return null;
    throw error;
  }
}

interface Filled {
  block: Block;
  length: number;
}

class NetworkFile implements SourceFile {
  /** The file's first bytes, where the store does not have them. */
  private start = new Uint8Array(0);
  /** An answer that brings the whole file, not yet read beyond `start`. */
  private whole: Body | null = null;
  private ranged = true;
  /** What the person should know of its reading. */
  note: string | null = null;

  constructor(
    private readonly remote: Remote,
    private readonly kept: KeptModel | null,
    private readonly name: string,
    /** What the publisher says that the bytes hash to. */
    private readonly sha256: string | null,
    public size: number | null,
    private readonly validator: string | null,
  ) {}

  get local(): boolean {
    return this.kept?.isWhole(this.name) ?? false;
  }

  /** Takes the first answer: of a range all of it, of the whole file only what a header may need. */
  async receive(response: Response, ranged: boolean, signal?: AbortSignal): Promise<void> {
    this.ranged = ranged;
    const body = new Body(response.body);
    const block = newBlock(FIRST_BYTES);
    const length = await this.fill(body, block, Math.min(FIRST_BYTES, this.size ?? FIRST_BYTES), signal);
    this.start = block.memory.subarray(0, length);
    if (this.size === null && length < FIRST_BYTES) this.ends(length);
    await this.kept?.prepare(this.name);
    this.kept?.write(this.name, 0, this.start);
    if (!ranged && (this.size === null || length < this.size)) this.whole = body;
    else await body.finish();
    if (ranged && this.size === null) {
      // A range of unknown length: the whole file is asked for at once.
      this.ranged = false;
      this.whole = null;
    }
  }

  private async fill(body: Body, block: Block, wanted: number, signal?: AbortSignal): Promise<number> {
    let got = 0;
    try {
      await body.fill(block, 0, wanted, (_, bytes) => {
        got += bytes;
      });
    } catch (cause) {
      signal?.throwIfAborted();
      throw cutShort(this.name, got, this.size, cause);
    }
    if (this.size !== null && got < wanted) throw cutShort(this.name, got, this.size);
    return got;
  }

  async head(length: number, signal?: AbortSignal): Promise<Uint8Array> {
    const wanted = Math.min(length, this.size ?? length);
    // Of many files each with an open answer most would wait for a connection: the stream asks again.
    if (wanted > this.start.byteLength || (this.size ?? Infinity) > CHUNK_BYTES) await this.release();
    if (wanted <= this.start.byteLength) return this.start.subarray(0, wanted);
    const bytes = new Uint8Array(wanted);
    let got = 0;
    for await (const chunk of this.chunks(wanted, { signal })) {
      const piece = chunk.subarray(0, wanted - got);
      bytes.set(piece, got);
      got += piece.byteLength;
      if (got === wanted) break;
    }
    return bytes.subarray(0, got);
  }

  async *stream(options: StreamOptions = {}): AsyncGenerator<Uint8Array> {
    const entry = this.kept?.entry(this.name);
    const hash = this.sha256 !== null && !entry?.verified ? new RunningHash() : null;
    try {
      for await (const chunk of this.chunks(null, options)) {
        hash?.update(chunk);
        yield chunk;
      }
      if (hash) this.verify(hash.hex());
    } finally {
      await this.kept?.save();
    }
  }

  private verify(found: string): void {
    if (found === this.sha256) {
      const entry = this.kept?.entry(this.name);
      if (entry) entry.verified = true;
      return;
    }
    this.kept?.discard(this.name);
    throw new ModelError(
      'wrongHash',
      `${this.name} is not the file that its publisher names: its sha-256 should be ${this.sha256}, and is ${found}.`,
      'Load the model again, which downloads the file anew. If it stays so, something between here and the server changes files.',
    );
  }

  /** The file's chunks, or those up to byte `end`. */
  private chunks(end: number | null, options: StreamOptions): AsyncGenerator<Uint8Array> {
    if (this.size !== null && this.size === this.start.byteLength) return this.fromMemory(options);
    if (this.local || (this.ranged && this.size !== null)) {
      return this.inRanges(Math.min(end ?? (this.size as number), this.size as number), options);
    }
    return this.inOneGo(options);
  }

  private async *fromMemory({ onBytes }: StreamOptions): AsyncGenerator<Uint8Array> {
    onBytes?.(this.start.byteLength);
    yield this.start;
  }

  private async *inRanges(end: number, { signal, onBytes }: StreamOptions): AsyncGenerator<Uint8Array> {
    const stop = new AbortController();
    const both = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
    const free = Array.from({ length: Math.min(IN_FLIGHT, Math.ceil(end / CHUNK_BYTES)) }, () =>
      // A whole chunk has room in each: what is kept of one is compared as a whole.
      newBlock(Math.min(CHUNK_BYTES, Math.max(end, this.size ?? 0))),
    );
    const pending: Promise<Filled>[] = [];
    let asked = 0;
    const ask = (block: Block) => {
      if (asked >= end) return;
      const begin = asked;
      asked = Math.min(begin + CHUNK_BYTES, end);
      const filled = this.chunk(block, begin, asked, both, onBytes);
      // Looked at in its turn; until then it is nobody's unhandled rejection.
      filled.catch(() => undefined);
      pending.push(filled);
    };
    if (!this.local) await this.kept?.prepare(this.name);
    try {
      for (const block of free) ask(block);
      for (let next = pending.shift(); next; next = pending.shift()) {
        const { block, length } = await next;
        signal?.throwIfAborted();
        yield block.memory.subarray(0, length);
        await this.kept?.saveIfDue();
        ask(block);
      }
    } finally {
      stop.abort();
      await Promise.allSettled(pending);
    }
  }

  /** Bytes `[begin, end)`, of one chunk from its start, at the start of the block: from the store as far as it has them. */
  private async chunk(
    block: Block,
    begin: number,
    end: number,
    signal: AbortSignal,
    onBytes?: (bytes: number) => void,
  ): Promise<Filled> {
    const length = end - begin;
    let have = 0;
    if (begin < this.start.byteLength) {
      block.memory.set(this.start.subarray(begin, end));
      have = Math.min(end, this.start.byteLength) - begin;
    }
    const kept = (await this.kept?.readChunk(this.name, begin, block.memory)) ?? 0;
    if (kept !== 'damaged') have = Math.max(have, Math.min(kept, length));
    if (have > 0) onBytes?.(have);
    if (have === length) return { block, length };
    if (kept !== 'damaged') await this.fetch(block, begin, begin + have, end, signal, onBytes);
    else await this.fetchAnew(block, begin, begin + have, end, signal, onBytes);
    return { block, length };
  }

  /** Fetches what the store had and has damaged. */
  private async fetchAnew(...[block, base, from, to, signal, onBytes]: Parameters<NetworkFile['fetch']>) {
    const damaged = `${this.name}, as this browser kept it, was damaged`;
    await this.kept?.prepare(this.name);
    try {
      await this.fetch(block, base, from, to, signal, onBytes);
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      const message = `${damaged}, and could not be downloaded anew. ${error.message}`;
      throw new ModelError(error.kind, message, error.hint, { cause: error });
    }
    this.note = `${damaged}; the damaged part has been downloaded anew.`;
  }

  private lost(): ModelError {
    this.kept?.discard(this.name);
    return new ModelError(
      'storage',
      `${this.name} could not be read from this browser's storage.`,
      'Load the model again, which downloads the file anew.',
    );
  }

  /** Bytes `[from, to)` from the server into the block that begins with byte `base`. A connection that breaks off is taken up again. */
  private async fetch(
    block: Block,
    base: number,
    from: number,
    to: number,
    signal: AbortSignal,
    onBytes?: (bytes: number) => void,
  ): Promise<void> {
    let at = from;
    let reached = from;
    for (let retries = RETRIES; at < to; ) {
      let cause: unknown;
      try {
        await this.fetchOnce(block, at - base, { begin: at, end: to }, signal, (offset, bytes) => {
          this.kept?.write(this.name, base + offset, block.memory.subarray(offset, offset + bytes));
          at = base + offset + bytes;
          onBytes?.(bytes);
        });
      } catch (error) {
        signal.throwIfAborted();
        // No answer at all is a connection that broke off, too: the file's first bytes came from there.
        if (error instanceof ModelError && !/^(network|blocked)$/.test(error.kind)) throw error;
        cause = error;
      }
      if (at === to) return;
      // What a broken body takes with it includes what came before: all of the block is read again from the store.
      const resumed = await this.recover(block, base, from, at);
      if (resumed > reached) retries = RETRIES;
      else if (retries-- === 0) throw cutShort(this.name, at, this.size, cause);
      reached = Math.max(reached, resumed);
      at = resumed;
    }
  }

  /** One request; may end early without a fault. @throws what the connection throws; ModelError where the answer is another. */
  private async fetchOnce(
    block: Block,
    at: number,
    range: { begin: number; end: number },
    signal: AbortSignal,
    onBytes: (offset: number, bytes: number) => void,
  ): Promise<void> {
    const response = await this.remote.get(this.name, { range, signal });
    if (!response) throw this.changed();
    await refusePage(response, { name: this.name, url: response.url });
    const { ranged, validator, size } = factsOf(response, this.name, range);
    const body = new Body(response.body);
    try {
      const other = validator !== null && this.validator !== null && validator !== this.validator;
      if (other || (size !== null && this.size !== null && size !== this.size)) throw this.changed();
      // A server that sends the whole file this time: what was asked for is in it.
      if (!ranged && (await body.skip(range.begin)) < range.begin) return;
      const wanted = range.end - range.begin;
      if ((await body.fill(block, at, wanted, onBytes)) === wanted && ranged) await body.finish();
    } finally {
      await body.cancel();
    }
  }

  /** Puts what came before a break back into the block, as far as it is kept; returns where to go on. */
  private async recover(block: Block, base: number, from: number, at: number): Promise<number> {
    if (!this.kept) return from;
    for (const piece of this.kept.split(this.name, base, at)) {
      if (!piece.inside) return piece.begin;
      const into = block.memory.subarray(piece.begin - base, piece.end - base);
      if (!(await this.kept.read(this.name, piece.begin, into))) throw this.lost();
    }
    return at;
  }

  private changed(): ModelError {
    this.kept?.discard(this.name);
    return new ModelError(
      'changed',
      `${this.name} was replaced on the server while it was being downloaded.`,
      'Load the model again.',
    );
  }

  /** The whole body from its start: for servers without ranges. */
  private async *inOneGo({ signal, onBytes }: StreamOptions): AsyncGenerator<Uint8Array> {
    let body = this.whole;
    this.whole = null;
    let at = 0;
    if (body) {
      at = this.start.byteLength;
      onBytes?.(at);
      yield this.start;
    } else {
      const response = await this.remote.get(this.name, { signal });
      if (!response) throw this.changed();
      await refusePage(response, { name: this.name, url: response.url });
      factsOf(response, this.name);
      body = new Body(response.body);
    }
    await this.kept?.prepare(this.name);
    const block = newBlock(CHUNK_BYTES);
    let ended = false;
    try {
      for (;;) {
        let got = 0;
        let cause: unknown;
        try {
          await body.fill(block, 0, CHUNK_BYTES, (_, bytes) => {
            got += bytes;
            onBytes?.(bytes);
          });
        } catch (error) {
          signal?.throwIfAborted();
          cause = error;
        }
        const chunk = block.memory.subarray(0, got);
        if (cause === undefined) this.kept?.write(this.name, at, chunk);
        at += got;
        if (cause !== undefined || (got < CHUNK_BYTES && this.size !== null && at < this.size)) {
          throw cutShort(this.name, at, this.size, cause);
        }
        if (got > 0) yield chunk;
        if (got < CHUNK_BYTES) break;
        await this.kept?.saveIfDue();
      }
      this.ends(at);
      ended = true;
    } finally {
      // Without ranges there is no going on: a part is of no use.
      if (!ended) this.kept?.discard(this.name);
      await body.cancel();
    }
  }

  private ends(size: number): void {
    this.size = size;
    this.kept?.setSize(this.name, size);
  }

  async release(): Promise<void> {
    const body = this.whole;
    this.whole = null;
    await body?.cancel();
  }
}
