/** @file All models that are kept: found by address, listed, deleted. */
import { ModelError } from '../errors';
import { sha256 } from '../hash';
import type { FileStore } from './fileStore';
import { KeptModel } from './keptModel';
import { MANIFEST_NAME, type Manifest, parseManifest } from './manifest';
import { type Range, rangeBytes } from './ranges';

export interface KeptSummary {
  /** Names it to `remove`. */
  key: string;
  id: string;
  revision: string | null;
  bytes: number;
  complete: boolean;
  usedAt: number;
}

export class ModelStore {
  /** Folders of models that are open. */
  private readonly inUse = new Set<string>();

  constructor(private readonly store: FileStore) {}

  /** The model at an address, with what there is of it. */
  async open(about: Pick<Manifest, 'address' | 'id' | 'revision'>, now = Date.now()): Promise<KeptModel> {
    const folder = (await sha256(new TextEncoder().encode(about.address))).slice(0, 24);
    const text = await this.store.readText(folder, MANIFEST_NAME);
    const before = text === null ? null : parseManifest(text);
    const known = before?.address === about.address ? before : null;
    const manifest: Manifest = known ?? {
      version: 1,
      ...about,
      refs: {},
      listing: null,
      absent: [],
      files: {},
      complete: false,
      usedAt: now,
    };
    this.inUse.add(folder);
    const closed = () => this.inUse.delete(folder);
    return new KeptModel(this.store, folder, { ...manifest, id: about.id, usedAt: now }, closed);
  }

  /** What a branch or tag last meant here, as the manifest says. @param addressOf the address of a revision */
  async lastSeen(id: string, ref: string, addressOf: (revision: string) => string): Promise<string | null> {
    let newest: { revision: string; seen: number } | null = null;
    for (const { manifest } of await this.manifests()) {
      const { revision, refs } = manifest;
      if (manifest.id !== id || revision === null || manifest.address !== addressOf(revision)) continue;
      const seen =
        revision === ref ? Number.MAX_SAFE_INTEGER : Object.hasOwn(refs, ref) ? refs[ref] : undefined;
      if (seen !== undefined && (!newest || seen > newest.seen)) newest = { revision, seen };
    }
    return newest?.revision ?? null;
  }

  /** Last used first. */
  async list(): Promise<KeptSummary[]> {
    const kept = (await this.manifests()).map(({ folder, manifest }) => {
      const { id, revision, complete, usedAt, files } = manifest;
      const bytes = Object.values(files).reduce((sum, { ranges }) => sum + rangeBytes(ranges as Range[]), 0);
      return { key: folder, id, revision, bytes, complete, usedAt };
    });
    return kept.filter(({ bytes }) => bytes > 0).sort((a, b) => b.usedAt - a.usedAt);
  }

  /** @throws ModelError `storage` where it is in use by another tab */
  async remove(key: string): Promise<void> {
    try {
      await this.store.remove(key);
    } catch (cause) {
      throw new ModelError(
        'storage',
        'The model’s files could not be deleted.',
        'Close other tabs of this page, and wait until a download has ended; then delete it again.',
        { cause },
      );
    }
  }

  usage(): ReturnType<FileStore['usage']> {
    return this.store.usage();
  }

  private async manifests(): Promise<{ folder: string; manifest: Manifest }[]> {
    const found: { folder: string; manifest: Manifest }[] = [];
    for (const folder of await this.store.folders()) {
      const text = await this.store.readText(folder, MANIFEST_NAME);
      const manifest = text === null ? null : parseManifest(text);
      if (manifest) found.push({ folder, manifest });
      // Without its manifest nothing in it can be used; a folder in use by another tab refuses to go.
      else if (!this.inUse.has(folder)) await this.store.remove(folder).catch(() => undefined);
    }
    return found;
  }
}
