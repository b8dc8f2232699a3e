/** @file What differs between a browser's worker and Node; the studio is made from it. */
import type { OpenOptions } from '../data/open';
import type { DataFile, OpenedData } from '../data/types';
import type { FileSource } from '../model/source';
import type { FileStore } from '../model/store/fileStore';
import type { CheckpointStore } from '../training/checkpoint';
import type { DatasetStore } from './datasetStore';
import type { Backend, DeviceReport } from './protocol';

export interface Platform {
  /** Makes tfjs ready; without `force` on the best there is. @throws BackendError when what is forced cannot be had. */
  startDevice(force?: Backend): Promise<DeviceReport>;
  /** A model's folder that is read by other means than HTTP; null for all others. */
  folder(url: string): FileSource | null;
  /** The Hub's address, without a trailing slash, for the page at a URL. */
  hub(pageUrl: string): string;
  /** Where models' files are kept; null where nothing can be kept. */
  openFileStore(): Promise<FileStore | null>;
  /** Bytes at a URL. @throws Error when they cannot be had. */
  fetchBytes(url: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Opens what was dropped together, where it cannot hold up anything else. @throws DataError; the signal's reason */
  openData(files: readonly DataFile[], options: OpenOptions): Promise<OpenedData>;
  /** Where runs are kept; null where nothing can be kept. */
  openRunStore(): Promise<CheckpointStore | null>;
  /** Where datasets are kept; null likewise. */
  openDatasetStore(): Promise<DatasetStore | null>;
}
