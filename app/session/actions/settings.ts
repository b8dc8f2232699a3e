/** @file The settings' boxes and the values suggested for them. */
import { worker } from '../client';
import { toStudioError } from '../errors';
import type { EnteredSettings, SettingKey } from '../settings';
import { patch, useStudio } from '../store';

let asked = 0;

/** Asks for values that suit model and data; what the person has entered stays. */
export async function refreshSuggestions(): Promise<void> {
  const { model, data } = useStudio.getState();
  if (!model.report || !data.report) return;
  const mine = ++asked;
  try {
    const suggested = await worker().suggestSettings();
    if (mine === asked) patch('settings', { suggested, error: null });
  } catch (thrown) {
    if (mine === asked) patch('settings', { error: toStudioError(thrown, 'training') });
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
