/** @file One number of a run: what is typed stays as typed, beside the automatic value and its reason. */
import { enter, resetSetting } from '../../session/actions/settings';
import { arrowStep, type NumberRule, numberText } from '../../session/settings';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import { useResolvedSettings } from '../../session/useSettings';
import { type NumericSetting, SETTINGS } from '../../workers/protocol';
import { NumberInput } from '../ui/NumberBox';
import { Explained } from '../ui/Term';
import { AutoLine } from './AutoLine';

export function NumberSettingField({ setting }: { setting: NumericSetting }) {
  const { entered, suggested } = useStudio((state) => state.settings);
  const disabled = useStudio((state) => isRunning(state.run));
  const { errors } = useResolvedSettings();
  const automatic = suggested ? suggested.settings[setting] : null;
  const text = entered[setting] ?? (automatic === null ? '' : numberText(automatic));
  const own = entered[setting] !== undefined;
  const { label, means, ...rule }: NumberRule & { label: string; means: string; unit?: string } =
    SETTINGS[setting];
  return (
    <NumberInput
      label={<Explained sentence={means}>{label}</Explained>}
      text={text}
      rule={rule}
      step={arrowStep(automatic ?? 0, rule)}
      unit={rule.unit}
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
