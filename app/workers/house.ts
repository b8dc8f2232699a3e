/** @file What the worker holds, put together: device, models, dataset, run, prompts, and what watches over them. */
import { Advice } from './advice';
import { newRecovery } from './bringBack';
import { DatasetSlot } from './datasetSlot';
import { GenerationSlot } from './generationSlot';
import { LastVisit } from './lastVisit';
import { ModelFiles } from './modelFiles';
import { ModelSlot } from './modelSlot';
import type { Platform } from './platform';
import { PromptSlot } from './promptSlot';
import type { DeviceReport, StudioEvent } from './protocol';
import type { Recovery } from './recovery';
import { RowWork } from './rowWork';
import { RunSlot } from './runSlot';
import type { Turns } from './turns';

export interface House {
  /** The present one: another takes its place when it is lost. */
  device: DeviceReport;
  files: ModelFiles;
  models: ModelSlot;
  data: DatasetSlot;
  runs: RunSlot;
  prompts: PromptSlot;
  generation: GenerationSlot;
  rowWork: RowWork;
  lastVisit: LastVisit;
  recovery: Recovery;
  advice: Advice;
  emit: (event: StudioEvent) => void;
}

/** @param device started already; `baseUrl` is the page's own */
export async function openHouse(
  platform: Platform,
  turns: Turns,
  device: DeviceReport,
  baseUrl: string,
  emit: (event: StudioEvent) => void,
): Promise<House> {
  const [store, datasetStore, files] = await Promise.all([
    platform.openRunStore(),
    platform.openDatasetStore(),
    ModelFiles.open(platform, baseUrl),
  ]);
  store?.onChange(() => emit({ type: 'savedChanged' }));
  const recovery = newRecovery(
    platform,
    () => house,
    emit,
    () => generation.cut(),
  );
  const models = new ModelSlot(files, (reason) => toProcessor(platform, house, reason));
  const advice = new Advice(() => house.device);
  const runs = new RunSlot(
    store,
    emit,
    () => void turns.take(() => prompts.tellAnyway()),
    () => recovery.isLost(),
    (model) => advice.apply(model),
  );
  const data = new DatasetSlot(
    platform,
    new URL('datasets/', baseUrl).href,
    datasetStore,
    emit,
    () => files.hubAccess,
  );
  const prompts = new PromptSlot({ runs, recovery, device: () => house.device, emit });
  const generation = new GenerationSlot({ turns, models, prompts, data, recovery, emit });
  const rowWork = new RowWork({ platform, turns, models, prompts, data, runs, recovery, emit });
  const lastVisit = new LastVisit({ turns, store, data, models, runs, recovery });
  const house: House = {
    device,
    files,
    models,
    data,
    runs,
    prompts,
    generation,
    rowWork,
    lastVisit,
    recovery,
    advice,
    emit,
  };
  recovery.watch();
  return house;
}

/** Makes the processor the page's device, for a reason in words: the GPU cannot be used for what is asked of it. */
async function toProcessor(platform: Platform, house: House, reason: string): Promise<void> {
  const report = await platform.startDevice('wasm').catch(() => platform.startDevice('cpu'));
  house.device = { ...report, reason };
  house.recovery.watch();
  house.emit({ type: 'deviceChanged', device: house.device });
}
