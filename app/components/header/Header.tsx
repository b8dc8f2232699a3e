/** @file Name, device and its memory, theme. */
import { DesktopIcon, LightningBoltIcon, MoonIcon, SunIcon } from '@radix-ui/react-icons';
import { Heading, IconButton, Text, Tooltip } from '@radix-ui/themes';
import { ofBudget } from '../../session/memory';
import { isRunning, type StudioState } from '../../session/state';
import { useStudio } from '../../session/store';
import { chooseTheme, type ThemeChoice, useThemeChoice } from '../../session/theme';
import { deviceLine } from './deviceLine';

export function Header() {
  const { report, error, lost } = useStudio((state) => state.device);
  const memory = useStudio(memoryInUse);
  return (
    <header className="header">
      <Heading as="h1" size="4" className="header-title">
        Soft Prompt Studio
      </Heading>
      <Text size="2" color="gray" className="header-device numbers">
        {error
          ? 'No device'
          : lost !== null
            ? 'Device lost, coming back…'
            : report
              ? [deviceLine(report), memory].filter(Boolean).join(' · ')
              : 'Looking for a GPU…'}
      </Text>
      <BenchLink />
      <ThemeButton />
    </header>
  );
}

/** What the run takes while there is one, and what one would take before; in words, so that the same is drawn once. */
function memoryInUse({ memory, run }: StudioState): string | null {
  const { report } = memory;
  if (!report) return null;
  const taken = (isRunning(run) && run?.state.memory) || report;
  return ofBudget(taken.weights + taken.training, report.budget);
}

/** In a window of its own, so that what is open here stays. */
function BenchLink() {
  return (
    <Tooltip content="How fast this device trains (a page of its own)">
      <IconButton asChild variant="ghost" color="gray" size="2">
        <a href="bench.html" target="_blank" rel="noopener" aria-label="Measure this device">
          <LightningBoltIcon />
        </a>
      </IconButton>
    </Tooltip>
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
