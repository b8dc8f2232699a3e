/** @file A hook: the settings a run would start with now. */
import { useMemo } from 'react';
import { type ResolvedSettings, resolveSettings } from './settings';
import { useStudio } from './store';

export function useResolvedSettings(): ResolvedSettings {
  const { suggested, entered } = useStudio((state) => state.settings);
  const contextLength = useStudio((state) => state.model.report?.contextLength ?? null);
  const longestExample = useStudio((state) => state.data.report?.lengths.max ?? 0);
  return useMemo(
    () => resolveSettings(suggested, entered, { contextLength, longestExample }),
    [suggested, entered, contextLength, longestExample],
  );
}
