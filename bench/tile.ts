/** @file How products are divided among threads in a benchmark: as the studio does it, but found anew each time. */
import type { MatmulTile } from '../app/engine/webgpu/kernels/tile';
import { rememberedTile, type TileStore, tuneTile } from '../app/engine/webgpu/tune';
import type { Progress } from './report';

const forgetful: TileStore = { get: async () => undefined, set: async () => {} };

/** The fastest division that is found; software adapters take the default untimed, unless `always`. */
export async function chooseTile(
  device: GPUDevice,
  info: GPUAdapterInfo,
  always: boolean,
  onProgress: (progress: Progress) => void,
): Promise<MatmulTile> {
  onProgress({ text: 'choosing how products are divided among threads', done: 0, of: 0 });
  return always ? (await tuneTile(device)).tile : rememberedTile(device, forgetful, info);
}
