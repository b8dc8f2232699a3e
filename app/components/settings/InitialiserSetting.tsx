/** @file Where the virtual tokens start. */
import { TextArea } from '@radix-ui/themes';
import { useId } from 'react';
import { enter } from '../../session/actions/settings';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import { useResolvedSettings } from '../../session/useSettings';
import { type Initialiser, SETTINGS } from '../../workers/protocol';
import { Choice } from '../ui/Choice';
import { Explained } from '../ui/Term';
import { AutoLine } from './AutoLine';

const { label, means, choices: words } = SETTINGS.initialiser;

export function InitialiserSetting() {
  const id = useId();
  const { entered, suggested } = useStudio((state) => state.settings);
  const disabled = useStudio((state) => isRunning(state.run));
  const imported = useStudio((state) => state.prompt.imported !== null);
  const { errors } = useResolvedSettings();
  const value = entered.initialiser ?? suggested?.settings.initialiser ?? 'text';
  const text = entered.initText ?? suggested?.settings.initText ?? '';
  const choices = (Object.keys(words) as Initialiser[]).map((key) => ({
    value: key,
    label: words[key],
    disabled: key === 'file' && !imported,
  }));
  return (
    <div className="field">
      <span className="field-label">
        <Explained sentence={means}>{label}</Explained>
      </span>
      <Choice
        label={label}
        value={value}
        options={choices}
        disabled={disabled}
        onChange={(initialiser) => enter('initialiser', initialiser)}
      />
      <div className="field-help">
        {value === 'text' && (
          <>
            <TextArea
              size="1"
              rows={2}
              resize="vertical"
              aria-label={SETTINGS.initText.label}
              aria-invalid={errors.initText !== undefined}
              aria-describedby={`${id}-error`}
              value={text}
              disabled={disabled}
              placeholder="Words that describe the task"
              onChange={(event) => enter('initText', event.target.value)}
            />
            <p id={`${id}-error`} className="field-error" role={errors.initText ? 'alert' : undefined}>
              {errors.initText}
            </p>
            {entered.initText !== undefined && (
              <AutoLine
                setting="initText"
                automatic={suggested ? 'its own words' : null}
                own
                disabled={disabled}
              />
            )}
          </>
        )}
        {(value !== 'text' || entered.initText === undefined) && (
          <AutoLine
            setting="initialiser"
            automatic={suggested ? words[suggested.settings.initialiser] : null}
            reason={suggested?.reasons.initialiser}
            own={entered.initialiser !== undefined}
            disabled={disabled}
          />
        )}
      </div>
    </div>
  );
}
