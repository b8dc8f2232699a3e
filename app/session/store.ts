/** @file The one store. Actions write slices with `patch`, the event pump writes what `reduce.ts` says; components read with `useStudio`. */
import { create } from 'zustand';
import { initialState, type StudioState } from './state';

export const useStudio = create<StudioState>(() => initialState);

/** Changes some fields of one slice, if it is there. */
export function patch<Key extends keyof StudioState>(
  key: Key,
  fields: Partial<NonNullable<StudioState[Key]>>,
): void {
  useStudio.setState((state) => {
    const slice = state[key];
    // A slice that is not there (a run put away meanwhile) has no fields to change.
    return slice === null ? state : ({ [key]: Object.assign({}, slice, fields) } as Partial<StudioState>);
  });
}
