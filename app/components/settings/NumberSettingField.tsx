/** @file One number of a run: what is typed stays as typed, beside the automatic value and its reason. */
import type { ReactNode } from 'react';
import { enter, resetSetting } from '../../session/actions/settings';
import { arrowStep, type NumberSetting, numberRules, numberText } from '../../session/settings';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import { useResolvedSettings } from '../../session/useSettings';
import { NumberInput } from '../ui/NumberBox';
import { AutoLine } from './AutoLine';

interface NumberSettingFieldProps {
  setting: NumberSetting;
  label: ReactNode;
  unit?: string;
}

export function NumberSettingField({ setting, label, unit }: NumberSettingFieldProps) {
  const { entered, suggested } = useStudio((state) => state.settings);
  const disabled = useStudio((state) => isRunning(state.run));
  const { errors } = useResolvedSettings();
  const automatic = suggested ? suggested.settings[setting] : null;
  const text = entered[setting] ?? (automatic === null ? '' : numberText(automatic));
  const own = entered[setting] !== undefined;
  const rule = numberRules[setting];
  return (
    <NumberInput
      label={label}
      text={text}
      rule={rule}
      step={arrowStep(automatic ?? 0, rule)}
      unit={unit}
      placeholder="auto"
      error={errors[setting]}
      disabled={disabled}
      onText={(next) => enter(setting, next)}
      onBlur={() => {
        // An emptied box asks for the automatic value.
        if (entered[setting]?.trim() === '') resetSetting(setting);
      }}
      help={
        <AutoLine
          setting={setting}
          automatic={automatic === null ? null : numberText(automatic)}
          reason={suggested?.reasons[setting]}
          own={own}
          disabled={disabled}
        />
      }
    />
  );
}
