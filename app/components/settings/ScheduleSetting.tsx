/** @file How the learning rate falls. */
import { enter } from '../../session/actions/settings';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import { type Schedule, SETTINGS } from '../../workers/protocol';
import { Choice } from '../ui/Choice';
import { Explained } from '../ui/Term';
import { AutoLine } from './AutoLine';

const { label, means, choices } = SETTINGS.schedule;
const options = (Object.keys(choices) as Schedule[]).map((value) => ({ value, label: choices[value] }));

export function ScheduleSetting() {
  const { entered, suggested } = useStudio((state) => state.settings);
  const disabled = useStudio((state) => isRunning(state.run));
  return (
    <div className="field">
      <span className="field-label">
        <Explained sentence={means}>{label}</Explained>
      </span>
      <Choice
        label={label}
        value={entered.schedule ?? suggested?.settings.schedule ?? 'cosine'}
        options={options}
        disabled={disabled}
        onChange={(schedule) => enter('schedule', schedule)}
      />
      <div className="field-help">
        <AutoLine
          setting="schedule"
          automatic={suggested?.settings.schedule ?? null}
          reason={suggested?.reasons.schedule}
          own={entered.schedule !== undefined}
          disabled={disabled}
        />
      </div>
    </div>
  );
}
