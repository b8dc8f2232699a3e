/** @file How the learning rate falls. */
import { enter } from '../../session/actions/settings';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import type { Schedule } from '../../workers/protocol';
import { Choice } from '../ui/Choice';
import { Term } from '../ui/Term';
import { AutoLine } from './AutoLine';

const choices: { value: Schedule; label: string }[] = [
  { value: 'cosine', label: 'cosine' },
  { value: 'linear', label: 'linear' },
  { value: 'constant', label: 'constant' },
];

export function ScheduleSetting() {
  const { entered, suggested } = useStudio((state) => state.settings);
  const disabled = useStudio((state) => isRunning(state.run));
  return (
    <div className="field">
      <span className="field-label">
        <Term of="schedule">Schedule</Term>
      </span>
      <Choice
        label="Schedule"
        value={entered.schedule ?? suggested?.settings.schedule ?? 'cosine'}
        options={choices}
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
