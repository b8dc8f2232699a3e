/** @file Name, device, theme. */
import { DesktopIcon, MoonIcon, SunIcon } from '@radix-ui/react-icons';
import { Heading, IconButton, Text, Tooltip } from '@radix-ui/themes';
import { useStudio } from '../../session/store';
import { chooseTheme, type ThemeChoice, useThemeChoice } from '../../session/theme';
import { deviceLine } from './deviceLine';

export function Header() {
  const { report, error } = useStudio((state) => state.device);
  return (
    <header className="header">
      <Heading as="h1" size="4" className="header-title">
        Soft Prompt Studio
      </Heading>
      <Text size="2" color="gray" className="header-device numbers">
        {error ? 'No device' : report ? deviceLine(report) : 'Looking for a GPU…'}
      </Text>
      <ThemeButton />
    </header>
  );
}

const themes: Record<ThemeChoice, { words: string; next: ThemeChoice }> = {
  system: { words: 'Theme: as the system', next: 'light' },
  light: { words: 'Theme: light', next: 'dark' },
  dark: { words: 'Theme: dark', next: 'system' },
};

function ThemeButton() {
  const choice = useThemeChoice((state) => state.choice);
  const { words, next } = themes[choice];
  return (
    <Tooltip content={`${words}. Press for ${next}.`}>
      <IconButton variant="ghost" color="gray" size="2" aria-label={words} onClick={() => chooseTheme(next)}>
        {choice === 'system' ? <DesktopIcon /> : choice === 'light' ? <SunIcon /> : <MoonIcon />}
      </IconButton>
    </Tooltip>
  );
}
