/** @file How far a model has come, in words: phase, bytes, speed, time left. */
import type { ModelProgress } from '../workers/protocol';
import { bytes, count, duration } from './format';

const phases: Record<ModelProgress['phase'], string> = {
  downloading: 'Downloading',
  reading: 'Reading from this machine',
  compiling: 'Compiling',
  comparing: 'Measuring both',
};

export interface ProgressWords {
  label: string;
  /** 0–1, or null where nobody knows how much is left. */
  share: number | null;
  words: string;
}

/** A load's progress; `name` is the model's. */
export function progressWords(name: string, progress: ModelProgress | null): ProgressWords {
  if (!progress) return { label: `Loading ${name}`, share: null, words: '' };
  const { phase, file, loaded, total, speed } = progress;
  if (phase === 'compiling') return { label: `Compiling for ${name}`, share: null, words: '' };
  if (phase === 'comparing') {
    return {
      label: phases.comparing,
      share: total > 0 ? loaded / total : null,
      words: `${count(loaded)} of ${count(total)} rows`,
    };
  }
  const words = [total > 0 ? `${bytes(loaded)} of ${bytes(total)}` : loaded > 0 ? bytes(loaded) : ''];
  if (speed !== null && speed > 0) {
    words.push(`${bytes(speed)}/s`);
    if (total > loaded) words.push(`${duration(((total - loaded) / speed) * 1000)} left`);
  }
  return {
    label: `${phases[phase]}: ${file || name}`,
    share: total > 0 ? loaded / total : null,
    words: words.filter(Boolean).join(' · '),
  };
}

/** How much of a broken download is kept: "43 MB of 270 MB"; null where nothing is. */
export function kept(progress: ModelProgress | null): string | null {
  if (progress?.phase !== 'downloading' || progress.loaded === 0) return null;
  return progress.total > 0
    ? `${bytes(progress.loaded)} of ${bytes(progress.total)}`
    : bytes(progress.loaded);
}
