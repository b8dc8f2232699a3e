/** @file The one store. Actions and the event pump write through `update`; components read with `useStudio`. */
import { create } from 'zustand';
import { initialState, type StudioState } from './state';

export const useStudio = create<StudioState>(() => initialState);

/** Changes some fields of one slice. */
export function patch<Key extends keyof StudioState>(
  key: Key,
  fields: Partial<NonNullable<StudioState[Key]>>,
): void {
  useStudio.setState(
    (state) => ({ [key]: { ...(state[key] as object), ...fields } }) as Partial<StudioState>,
  );
}
