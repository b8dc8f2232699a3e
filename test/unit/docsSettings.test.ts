/** @file The table of settings in docs/training.md says what the page and the worker hold to. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  numericSettings,
  rangeWords,
  SETTINGS,
  type Setting,
  settingNames,
} from '../../app/training/settingsTable';

/** What a setting may be, in the table's words. */
function mayBe(setting: Setting): string {
  switch (setting.control) {
    case 'number':
      return `${rangeWords(setting)}${setting.unit ? `, in ${setting.unit}` : ''}`;
    case 'choice':
      return Object.values(setting.choices).join(', ');
    case 'text':
      return `text of at most ${setting.mostCharacters.toLocaleString('en')} characters`;
    case 'texts':
      return `at most ${setting.mostTexts} texts of ${setting.mostCharacters.toLocaleString('en')} characters, one a line`;
  }
}

const rows = settingNames
  .map((name): Setting => SETTINGS[name])
  .filter(({ place }) => place !== 'none')
  .map((setting) => `| ${setting.label} | ${mayBe(setting)} | ${setting.means} | ${setting.advice} |`);

describe('the table of settings', () => {
  it('in docs/training.md is the one that the page is made from', () => {
    const docs = readFileSync(new URL('../../docs/training.md', import.meta.url), 'utf8');
    const table = ['| setting | may be | means | try |', '| --- | --- | --- | --- |', ...rows].join('\n');
    expect(docs).toContain(`\n${table}\n\n`);
  });

  it('has a name and an address of its own for every setting, and sentences for the rest', () => {
    for (const part of ['label', 'link'] as const) {
      expect(new Set(settingNames.map((name) => SETTINGS[name][part])).size).toBe(settingNames.length);
    }
    for (const name of settingNames) {
      expect(SETTINGS[name].link).toMatch(/^[a-z]+$/);
      expect(SETTINGS[name].means).toMatch(/^[A-Z].*\.$/);
      expect(SETTINGS[name].advice).toMatch(/\.$/);
    }
    for (const name of numericSettings) expect(SETTINGS[name].min).toBeLessThan(SETTINGS[name].max);
  });
});
