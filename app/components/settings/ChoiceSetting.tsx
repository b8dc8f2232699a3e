/** @file A setting that is one of a few: the search, the method, how the learning rate falls. */
import { enter } from '../../session/actions/settings';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import { type RunSettings, SETTINGS } from '../../workers/protocol';
import { Choice } from '../ui/Choice';
import { Explained } from '../ui/Term';
import { AutoLine } from './AutoLine';

export type ChoiceName = 'search' | 'method' | 'schedule';

export function ChoiceSetting({ setting }: { setting: ChoiceName }) {
  const { entered, suggested } = useStudio((state) => state.settings);
  const disabled = useStudio((state) => isRunning(state.run));
  const { label, means } = SETTINGS[setting];
  const choices: Readonly<Record<string, string>> = SETTINGS[setting].choices;
  const options = Object.entries(choices).map(([value, words]) => ({ value, label: words }));
  const automatic = suggested?.settings[setting] ?? null;
  return (
    <div className="field">
      <span className="field-label">
        <Explained sentence={means}>{label}</Explained>
      </span>
      <Choice
        label={label}
        value={entered[setting] ?? automatic ?? options[0].value}
        options={options}
        disabled={disabled}
        onChange={(value) => enter(setting, value as RunSettings[typeof setting])}
      />
      <div className="field-help">
        <AutoLine
          setting={setting}
          automatic={automatic && choices[automatic]}
          reason={suggested?.reasons[setting]}
          own={entered[setting] !== undefined}
          disabled={disabled}
        />
      </div>
    </div>
  );
}
