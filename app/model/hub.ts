/**
 * @file The Hugging Face Hub: a name and a revision to a commit and its files, and what its refusals mean. An access
 * token goes to the Hub's own host and nowhere else. A name may go on to a GGUF file: `owner/name/file.gguf`.
 */
import { z } from 'zod';
import { ModelError } from './errors';
import { ggufIn } from './gguf/name';
import { refusal, request, type Target } from './http';
import { networkSource } from './networkSource';
import type { Announced, GetOptions, Remote, Standing } from './remote';
import type { Listing } from './store/manifest';
import type { ModelStore } from './store/modelStore';
import type { OpenSource } from './urlSource';

export const HUB_ENDPOINT = 'https://huggingface.co';

export interface HubOptions {
  /** Without a trailing slash. */
  endpoint?: string;
  /** Null asks without one. */
  token: string | null;
  signal?: AbortSignal;
}

const infoSchema = z.looseObject({
  sha: z.string().regex(/^[0-9a-f]{7,64}$/),
  siblings: z.array(
    z.looseObject({
      rfilename: z.string(),
      size: z.number().int().nonnegative().nullish(),
      lfs: z.looseObject({ sha256: z.string().nullish(), size: z.number().nullish() }).nullish(),
    }),
  ),
});

interface Resolved {
  commit: string;
  listing: Listing;
}

/**
 * Opens a model of the Hub, or a GGUF file of one, at a branch, tag or commit. Without a connection, at the commit that the revision was last
 * seen to be, where that is kept.
 * @throws ModelError that tells what the Hub refuses and what to do; the signal's reason when aborted.
 */
export async function openHub(
  id: string,
  revision: string,
  store: ModelStore | null,
  { endpoint = HUB_ENDPOINT, token, signal }: HubOptions,
): Promise<OpenSource> {
  const [owner, name, ...path] = id.split('/');
  const gguf = path.join('/');
  const hub = new Hub(endpoint, `${owner}/${name}`, token);
  // Each GGUF file is a model of its own, and kept so.
  const addressOf = (commit: string) => hub.folder(commit) + gguf;
  let resolved: Resolved | null = null;
  let commit: string | null;
  try {
    resolved = await hub.resolve(revision, signal);
    commit = resolved.commit;
  } catch (error) {
    const offline = error instanceof ModelError && /^(network|offline|blocked|server)$/.test(error.kind);
    commit = offline && store ? await store.lastSeen(id, revision, addressOf) : null;
    if (commit === null) throw error;
  }
  const kept = store && (await store.open({ address: addressOf(commit), id, revision: commit }));
  if (kept && resolved) {
    kept.manifest.listing = resolved.listing;
    if (revision !== commit) kept.manifest.refs[revision] = Date.now();
  }
  const listing = resolved?.listing ?? kept?.manifest.listing ?? [];
  const folder = networkSource(new HubRemote(hub, commit, listing), kept);
  return {
    source: gguf === '' ? folder : await ggufIn(folder, gguf, signal),
    id,
    revision: commit,
    markComplete: async () => kept?.markComplete(),
    notKept: () => kept?.notKept ?? null,
  };
}

/** Whether an address is the Hub's own: its scheme, host and port. */
function isHub(url: string): boolean {
  return new URL(url).origin === HUB_ENDPOINT;
}

/** Addresses, the token, and errors of one model. */
class Hub {
  /** None for another address than the Hub's: whoever names one must not get it. */
  private readonly token: string | null;

  constructor(
    readonly endpoint: string,
    readonly id: string,
    token: string | null,
  ) {
    this.token = isHub(endpoint) ? token : null;
  }

  folder(commit: string): string {
    return `${this.endpoint}/${this.id}/resolve/${commit}/`;
  }

  /** The headers for a request to `url`: the token, where `url` is on the Hub's own host, over https. */
  headers(url: string): Record<string, string> {
    return this.token !== null && isHub(url) ? { authorization: `Bearer ${this.token}` } : {};
  }

  async resolve(revision: string, signal?: AbortSignal): Promise<Resolved> {
    const url = `${this.endpoint}/api/models/${this.id}/revision/${encodeURIComponent(revision)}?blobs=true`;
    const target = { name: `What the Hub knows of ${this.id}`, url };
    const response = await request(target, { headers: this.headers(url), cache: 'no-cache', signal });
    if (!response.ok) {
      await response.body?.cancel();
      throw this.refused(response, target, revision);
    }
    const parsed = infoSchema.safeParse(await response.json().catch(() => null));
    if (!parsed.success) {
      throw new ModelError(
        'wrongContent',
        `The Hub's answer about ${this.id} is not what was expected (${url}).`,
        'Try again later; if it stays so, the Hub has changed.',
      );
    }
    const listing = parsed.data.siblings.map(({ rfilename, size, lfs }) => ({
      name: rfilename,
      size: lfs?.size ?? size ?? null,
      sha256: lfs?.sha256 ?? null,
    }));
    return { commit: parsed.data.sha, listing };
  }

  refused(response: Response, target: Target, revision: string): ModelError {
    const { status, headers } = response;
    const code = headers.get('x-error-code');
    const page = `${this.endpoint}/${this.id}`;
    if (code === 'RevisionNotFound') {
      return new ModelError(
        'notFound',
        `The model ${this.id} has no revision “${revision}”.`,
        `Choose a branch, tag or commit that ${page} lists; most models have “main”.`,
      );
    }
    if (code === 'GatedRepo' || (status === 403 && code !== 'RepoNotFound')) {
      return new ModelError(
        'forbidden',
        `The model ${this.id} is gated: the Hub answered ${status}${this.token === null ? ' to a request without an access token' : ' to this access token'}.`,
        `Sign in at ${page} and accept the model's licence there, then enter an access token that may read gated models.`,
      );
    }
    if (status === 401 && this.token !== null) {
      return new ModelError(
        'unauthorized',
        `The Hub does not accept the access token (it answered 401 for ${this.id}).`,
        `Make a token that may read at ${this.endpoint}/settings/tokens and enter that, or remove the token.`,
      );
    }
    if (status === 401 && code !== 'RepoNotFound') {
      return new ModelError(
        'unauthorized',
        `The Hub asks for an access token for ${this.id} (it answered 401).`,
        `If ${page} can be seen after signing in, enter an access token; else check the name.`,
      );
    }
    if (status === 401 || status === 404) {
      return new ModelError(
        'notFound',
        `The Hub has no public model ${this.id}.`,
        'Check the name, which is owner/name; a private model needs an access token.',
      );
    }
    return refusal(response, target);
  }
}

class HubRemote implements Remote {
  readonly listing: ReadonlyMap<string, Announced>;
  /** Where the Hub sent requests for a file, and may do so again: its own limits count requests. */
  private readonly redirects = new Map<string, string>();

  constructor(
    private readonly hub: Hub,
    private readonly commit: string,
    listing: Listing,
  ) {
    this.listing = new Map(listing.map(({ name, ...announced }) => [name, announced]));
  }

  get location(): string {
    return this.hub.folder(this.commit);
  }

  async get(name: string, { range, signal }: GetOptions): Promise<Response | null> {
    const known = this.redirects.get(name);
    if (known !== undefined) {
      const response = await request({ name, url: known }, { range, signal, cache: 'no-store' });
      if (response.ok) return response;
      // Signed addresses expire.
      await response.body?.cancel();
      this.redirects.delete(name);
    }
    const url = this.hub.folder(this.commit) + name.split('/').map(encodeURIComponent).join('/');
    const headers = this.hub.headers(url);
    const response = await request({ name, url }, { range, headers, signal, cache: 'no-store' });
    if (response.status === 416 && range) return this.get(name, { signal });
    if (response.ok) {
      if (response.redirected && new URL(response.url).origin !== new URL(url).origin) {
        this.redirects.set(name, response.url);
      }
      return response;
    }
    await response.body?.cancel();
    if (response.status === 404 && response.headers.get('x-error-code') === 'EntryNotFound') return null;
    throw this.hub.refused(response, { name, url }, this.commit);
  }

  /** A commit never changes; what it lists must be what is kept. */
  async compare(name: string, kept: { size: number | null }): Promise<Standing> {
    const size = this.listing.get(name)?.size ?? null;
    return size !== null && kept.size !== null && size !== kept.size ? 'changed' : 'same';
  }
}
