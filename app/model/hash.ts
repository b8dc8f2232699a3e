/**
 * @file sha-256 as hex, also where the page is not on a secure origin (`http://192.168…`) and has no `crypto.subtle`,
 * and of bytes that come piece by piece.
 */
import { sha256 as portableSha256 } from '@noble/hashes/sha2.js';
import { concatBytes } from './bytes';

/** sha-256 of the bytes of all parts, one after another, in hex. */
export async function sha256(...parts: Uint8Array[]): Promise<string> {
  const subtle = globalThis.crypto?.subtle;
  if (subtle) return toHex(new Uint8Array(await subtle.digest('SHA-256', contiguous(parts))));
  const hash = new RunningHash();
  for (const part of parts) hash.update(part);
  return hash.hex();
}

/** sha-256 of bytes that never are in memory together. */
export class RunningHash {
  private readonly hash = portableSha256.create();

  update(bytes: Uint8Array): void {
    this.hash.update(bytes);
  }

  /** Of all bytes so far; nothing can be added afterwards. */
  hex(): string {
    return toHex(this.hash.digest());
  }
}

function toHex(digest: Uint8Array): string {
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function contiguous(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  // A view is enough for one part, as long as its memory is not shared between threads.
  if (parts.length === 1 && parts[0].buffer instanceof ArrayBuffer)
    return parts[0] as Uint8Array<ArrayBuffer>;
  return concatBytes(parts);
}
