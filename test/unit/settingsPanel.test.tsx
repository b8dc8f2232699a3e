/** @file The settings' controls as they are drawn: one for every setting of the table, with its name, range and sentence. */
import { Theme } from '@radix-ui/themes';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import { ChoiceSetting } from '../../app/components/settings/ChoiceSetting';
import { FrameSetting } from '../../app/components/settings/FrameSetting';
import { InitialiserSetting } from '../../app/components/settings/InitialiserSetting';
import { NumberSettingField } from '../../app/components/settings/NumberSettingField';
import { SettingsPanel } from '../../app/components/settings/SettingsPanel';
import { numericSettings, SETTINGS, settingNames } from '../../app/training/settingsTable';

const drawn = (part: React.ReactNode) => renderToStaticMarkup(<Theme>{part}</Theme>);

describe('the controls of settings', () => {
  it.each(numericSettings)('“%s” is a spin button of its range', (name) => {
    const html = drawn(<NumberSettingField setting={name} />);
    const { label, max } = SETTINGS[name];
    expect(html).toContain(`>${label}</dfn></label>`);
    expect(html).toMatch(new RegExp(`type="number"[^>]*max="${max}"`));
  });

  it('of choices and texts have their names', () => {
    expect(drawn(<InitialiserSetting />)).toContain(`aria-label="${SETTINGS.initialiser.label}"`);
    expect(drawn(<InitialiserSetting />)).toContain(`aria-label="${SETTINGS.initText.label}"`);
    for (const name of ['search', 'method', 'schedule'] as const) {
      expect(drawn(<ChoiceSetting setting={name} />)).toContain(`aria-label="${SETTINGS[name].label}"`);
    }
    for (const name of ['before', 'after'] as const) {
      expect(drawn(<FrameSetting setting={name} />)).toContain(`>${SETTINGS[name].label}</dfn></label>`);
    }
  });

  it('stand in the panel in the order of the table', () => {
    const html = drawn(<SettingsPanel />);
    const basic = settingNames.filter(
      (name) => SETTINGS[name].place === 'basic' && SETTINGS[name].control !== 'text',
    );
    const places = basic.map((name) => html.indexOf(`>${SETTINGS[name].label}</dfn>`));
    expect(places.every((place) => place > 0)).toBe(true);
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });
});
