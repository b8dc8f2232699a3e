/** @file The person's own words, which the prompt is compared with on rows that it never saw. */
import { TextArea } from '@radix-ui/themes';
import { useId } from 'react';
import { enter } from '../../session/actions/settings';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import { useResolvedSettings } from '../../session/useSettings';
import { SETTINGS } from '../../workers/protocol';
import { Explained } from '../ui/Term';
import { AutoLine } from './AutoLine';

export function InstructionsSetting() {
  const id = useId();
  const { entered, suggested } = useStudio((state) => state.settings);
  const disabled = useStudio((state) => isRunning(state.run));
  const { errors } = useResolvedSettings();
  return (
    <div className="field">
      <label className="field-label" htmlFor={id}>
        <Explained sentence={SETTINGS.instructions.means}>{SETTINGS.instructions.label}</Explained>
      </label>
      <div className="field-help">
        <TextArea
          id={id}
          size="1"
          rows={2}
          resize="vertical"
          aria-invalid={errors.instructions !== undefined}
          aria-describedby={`${id}-help`}
          value={entered.instructions ?? suggested?.settings.instructions.join('\n') ?? ''}
          disabled={disabled}
          placeholder="What you would tell the model in words; one a line to compare several"
          onChange={(event) => enter('instructions', event.target.value)}
        />
        <p id={`${id}-help`} className={errors.instructions ? 'field-error' : 'field-note'}>
          {errors.instructions ?? 'The prompt has to beat it on rows it never saw. One a line, up to ten.'}
        </p>
        {entered.instructions !== undefined && (
          <AutoLine
            setting="instructions"
            automatic={suggested ? 'its own words' : null}
            own
            disabled={disabled}
          />
        )}
      </div>
    </div>
  );
}
