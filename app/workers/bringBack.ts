/** @file What a lost device takes along of the studio, and how it comes back on another. */
import type { DeviceTrouble } from '../engine/backend';
import { MOST_ON_PROCESSOR } from '../engine/choice';
import type { ModelSlot } from './modelSlot';
import type { Platform } from './platform';
import type { DeviceReport, StudioEvent } from './protocol';
import { Recovery } from './recovery';
import type { RunSlot } from './runSlot';

/** What lives on the device. */
export interface Perishable {
  /** Replaced by that of the new device. */
  device: DeviceReport;
  models: ModelSlot;
  runs: RunSlot;
}

export function newRecovery(
  platform: Pick<Platform, 'startDevice'>,
  opened: () => Perishable,
  emit: (event: StudioEvent) => void,
  cutAnswers: () => void,
): Recovery {
  let why: DeviceTrouble['kind'] = 'lost';
  return new Recovery({
    emit,
    startDevice: (force) => platform.startDevice(force),
    abandon({ kind }) {
      const { models, runs } = opened();
      why = kind;
      cutAnswers();
      runs.abandon();
      models.abandon();
    },
    fitsProcessor: () => opened().models.parameters <= MOST_ON_PROCESSOR,
    async restore(device) {
      const present = opened();
      present.device = device;
      const model = await present.models.reload();
      if (model) present.runs.takeUp(model, why);
      return model?.report ?? null;
    },
    giveUp: ({ message }) => opened().runs.giveUp(message),
  });
}
