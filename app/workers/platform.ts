/** @file What differs between a browser's worker and Node; the studio is made from it. */
import type { FileSource } from '../model/source';
import type { CheckpointStore } from '../training/checkpoint';
import type { DatasetStore } from './datasetStore';
import type { Backend, DeviceReport } from './protocol';

export interface Platform {
  /** Makes tfjs ready; without `force` on the best there is. @throws BackendError when what is forced cannot be had. */
  startDevice(force?: Backend): Promise<DeviceReport>;
  /** A model's folder. */
  modelFiles(url: string): FileSource;
  /** Bytes at a URL. @throws Error when they cannot be had. */
  fetchBytes(url: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Where runs are kept; null where nothing can be kept. */
  openRunStore(): Promise<CheckpointStore | null>;
  /** Where datasets are kept; null likewise. */
  openDatasetStore(): Promise<DatasetStore | null>;
}
