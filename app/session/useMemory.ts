/** @file Hooks: the forecast of memory that follows the settings, and what bears on it. */
import { useEffect } from 'react';
import { refreshMemory } from './actions/memory';
import type { Levers } from './memory';
import { useStudio } from './store';
import { useResolvedSettings } from './useSettings';

/** Long enough that a number is typed, short enough to feel live. */
const DEBOUNCE = 300;

/** Asks for the forecast anew whenever settings, model, data or budget have changed. */
export function useMemoryForecast(): void {
  const { settings } = useResolvedSettings();
  const model = useStudio((state) => state.model.report);
  const data = useStudio((state) => state.data.report);
  const budget = useStudio((state) => state.memory.budget);
  // biome-ignore lint/correctness/useExhaustiveDependencies: data and budget bear on the answer
  useEffect(() => {
    if (!settings || !model) return;
    const timer = setTimeout(() => void refreshMemory(settings), DEBOUNCE);
    return () => clearTimeout(timer);
  }, [settings, model, data, budget]);
}

/** What could be changed about the memory that a run takes; null before there are settings. */
export function useLevers(): Levers | null {
  const { settings } = useResolvedSettings();
  const longestExample = useStudio((state) => state.data.report?.lengths.max ?? 0);
  const int8Possible = useStudio(
    ({ model, device }) =>
      device.report?.backend === 'webgpu' &&
      model.report?.weightFormat === 'stored' &&
      !model.report.quantised,
  );
  if (!settings) return null;
  const { batchSize, virtualTokens } = settings;
  return { batchSize, virtualTokens, longestExample, int8Possible };
}
