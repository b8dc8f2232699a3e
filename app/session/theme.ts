/** @file Light, dark or the system's: remembered in this browser. */
import { create } from 'zustand';
import { useMedia } from './hooks';
import { recall, remember } from './remembered';

export type ThemeChoice = 'system' | 'light' | 'dark';
const KEY = 'soft-prompt-studio.theme';

export const useThemeChoice = create<{ choice: ThemeChoice }>(() => ({ choice: remembered() }));

export function chooseTheme(choice: ThemeChoice): void {
  useThemeChoice.setState({ choice });
  remember(KEY, choice);
}

/** What is to be shown now. */
export function useAppearance(): 'light' | 'dark' {
  const choice = useThemeChoice((state) => state.choice);
  const systemDark = useMedia('(prefers-color-scheme: dark)');
  if (choice !== 'system') return choice;
  return systemDark ? 'dark' : 'light';
}

function remembered(): ThemeChoice {
  const value = recall(KEY);
  return value === 'light' || value === 'dark' ? value : 'system';
}
