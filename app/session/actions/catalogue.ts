/** @file Models to choose from, with the memory they would need for the settings as they stand. */
import type { RunSettings } from '../../workers/protocol';
import { worker } from '../client';
import { toStudioError } from '../errors';
import { patch, useStudio } from '../store';

/** @param settings those a run would start with now; null for usual ones */
export async function openCatalogue(settings: RunSettings | null): Promise<void> {
  patch('catalogue', { error: null });
  try {
    const stored = await worker().catalogue(settings ?? undefined, 'stored');
    const canInt8 = useStudio.getState().device.report?.backend === 'webgpu';
    const int8 = canInt8 ? await worker().catalogue(settings ?? undefined, 'int8') : null;
    patch('catalogue', { stored, int8 });
  } catch (thrown) {
    patch('catalogue', { error: toStudioError(thrown, 'model') });
  }
}
