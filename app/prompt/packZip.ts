/** @file Small zip files, written the same way each time. Apart from reading, which takes more code and is seldom asked for. */
import { type Zippable, zipSync } from 'fflate';

/** One fixed date (zip's first) so that the same content gives the same bytes. */
const fixedDate = new Date(1980, 0, 1);

/** A zip of these files, deflated where that helps. */
export function packZip(files: Record<string, Uint8Array>): Uint8Array<ArrayBuffer> {
  const zippable: Zippable = {};
  for (const [name, bytes] of Object.entries(files)) zippable[name] = [bytes, { mtime: fixedDate, level: 6 }];
  return zipSync(zippable) as Uint8Array<ArrayBuffer>;
}
