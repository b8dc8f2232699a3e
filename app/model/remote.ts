/** @file A folder on a server, as reading needs it: what differs between the Hub and any other address. */
import { factsOf, refusal, request, type Target } from './http';

/** What is known of a file without having asked for it. */
export interface Announced {
  size: number | null;
  /** Hex; null where its publisher names none. */
  sha256: string | null;
}

/** How a kept file compares with the server's. `unknown` where the server could not be asked. */
export type Standing = 'same' | 'changed' | 'gone' | 'unknown';

export interface Remote {
  readonly location: string;
  /** All files of the folder, where known. */
  readonly listing: ReadonlyMap<string, Announced> | null;
  /** Null where the server has no such file. @throws ModelError where it refuses; the signal's reason when aborted. */
  get(name: string, options: GetOptions): Promise<Response | null>;
  compare(
    name: string,
    kept: { size: number | null; validator: string | null },
    signal?: AbortSignal,
  ): Promise<Standing>;
}

export interface GetOptions {
  /** Bytes `[begin, end)`; all where left out. */
  range?: { begin: number; end: number };
  signal?: AbortSignal;
}

/** Any folder with a URL. */
export class UrlRemote implements Remote {
  readonly listing = null;

  constructor(private readonly base: URL) {}

  get location(): string {
    return this.base.href;
  }

  async get(name: string, { range, signal }: GetOptions): Promise<Response | null> {
    const target = this.target(name);
    // What the store keeps, the browser's own cache need not; what is small it checks with the server.
    const cache = range && range.begin > 0 ? 'no-store' : 'no-cache';
    const response = await request(target, { range, signal, cache });
    if (response.status === 404 || response.status === 410) return null;
    // An empty file has no ranges.
    if (response.status === 416 && range) return this.get(name, { signal });
    if (!response.ok) throw refusal(response, target);
    return response;
  }

  async compare(
    name: string,
    kept: { size: number | null; validator: string | null },
    signal?: AbortSignal,
  ): Promise<Standing> {
    let now: Response;
    try {
      now = await request(this.target(name), { method: 'HEAD', cache: 'no-cache', signal });
    } catch {
      signal?.throwIfAborted();
      return 'unknown';
    }
    if (now.status === 404 || now.status === 410) return 'gone';
    if (!now.ok) return 'unknown';
    const { size, validator } = factsOf(now, name);
    if (validator !== null && kept.validator !== null)
      return validator === kept.validator ? 'same' : 'changed';
    if (size !== null && kept.size !== null) return size === kept.size ? 'same' : 'changed';
    return 'changed';
  }

  private target(name: string): Target {
    return { name, url: new URL(name, this.base).href };
  }
}
