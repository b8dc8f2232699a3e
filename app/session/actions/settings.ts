/** @file The settings' boxes and the values suggested for them. */
import type { DatasetReport, ModelReport } from '../../workers/protocol';
import { worker } from '../client';
import { toStudioError } from '../errors';
import type { EnteredSettings, SettingKey } from '../settings';
import { patch, useStudio } from '../store';
import { modelKey } from '../suits';

let asked = 0;

/** Asks for values that suit model and data; what the person has entered stays. */
export async function refreshSuggestions(): Promise<void> {
  const { model, data } = useStudio.getState();
  if (!model.report || !data.report) return;
  const mine = ++asked;
  try {
    const suggested = await worker().suggestSettings();
    if (mine !== asked) return;
    patch('settings', { suggested, error: null });
    void readInputs(model.report, data.report);
  } catch (thrown) {
    if (mine === asked) patch('settings', { error: toStudioError(thrown, 'training') });
  }
}

/** Has the model read a few inputs, once for each model and dataset. Where that fails nothing is lost: training will tell. */
async function readInputs(report: ModelReport, { hash }: DatasetReport): Promise<void> {
  const model = modelKey(report);
  const { reading } = useStudio.getState().data;
  if (reading?.model === model && reading.hash === hash) return;
  const found = await worker()
    .readInputs()
    .catch(() => null);
  const now = useStudio.getState();
  if (found && now.data.report?.hash === hash && now.model.report && modelKey(now.model.report) === model) {
    patch('data', { reading: { hash, model, found } });
  }
}

/** Keeps what was typed or chosen, valid or not. */
export function enter<Key extends SettingKey>(key: Key, value: EnteredSettings[Key]): void {
  const { entered } = useStudio.getState().settings;
  patch('settings', { entered: { ...entered, [key]: value } });
}

/** Back to the automatic value. */
export function resetSetting(key: SettingKey): void {
  const entered = { ...useStudio.getState().settings.entered };
  delete entered[key];
  patch('settings', { entered });
}

export function resetAllSettings(): void {
  patch('settings', { entered: {} });
}
