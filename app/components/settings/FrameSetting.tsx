/** @file Words that stand around the learned vectors and stay as they are. */
import { TextField } from '@radix-ui/themes';
import { useId } from 'react';
import { enter } from '../../session/actions/settings';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import { useResolvedSettings } from '../../session/useSettings';
import { SETTINGS } from '../../workers/protocol';
import { Explained } from '../ui/Term';
import { AutoLine } from './AutoLine';

export function FrameSetting({ setting }: { setting: 'before' | 'after' }) {
  const id = useId();
  const { entered, suggested } = useStudio((state) => state.settings);
  const disabled = useStudio((state) => isRunning(state.run));
  const { errors } = useResolvedSettings();
  const { label, means } = SETTINGS[setting];
  return (
    <div className="field">
      <label className="field-label" htmlFor={id}>
        <Explained sentence={means}>{label}</Explained>
      </label>
      <div className="field-help">
        <TextField.Root
          id={id}
          size="1"
          aria-invalid={errors[setting] !== undefined}
          aria-describedby={`${id}-error`}
          value={entered[setting] ?? suggested?.settings[setting] ?? ''}
          disabled={disabled}
          placeholder="none"
          onChange={(event) => enter(setting, event.target.value)}
        />
        <p id={`${id}-error`} className="field-error" role={errors[setting] ? 'alert' : undefined}>
          {errors[setting]}
        </p>
        <AutoLine
          setting={setting}
          automatic={suggested ? 'none' : null}
          own={entered[setting] !== undefined}
          disabled={disabled}
        />
      </div>
    </div>
  );
}
