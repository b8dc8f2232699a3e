/** @file Light, dark or the system's: remembered in this browser. */
import { create } from 'zustand';
import { useMedia } from './hooks';

export type ThemeChoice = 'system' | 'light' | 'dark';
const KEY = 'soft-prompt-studio.theme';

export const useThemeChoice = create<{ choice: ThemeChoice }>(() => ({ choice: remembered() }));

export function chooseTheme(choice: ThemeChoice): void {
  useThemeChoice.setState({ choice });
  try {
    localStorage.setItem(KEY, choice);
  } catch {
    // A browser that keeps nothing still shows the choice until the page closes.
  }
}

/** What is to be shown now. */
export function useAppearance(): 'light' | 'dark' {
  const choice = useThemeChoice((state) => state.choice);
  const systemDark = useMedia('(prefers-color-scheme: dark)');
  if (choice !== 'system') return choice;
  return systemDark ? 'dark' : 'light';
}

function remembered(): ThemeChoice {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : 'system';
  } catch {
    return 'system';
  }
}
