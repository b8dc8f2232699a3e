/** @file How to train: values chosen for model and data, each with its reason, each the person's to change. */
import { Button, Text } from '@radix-ui/themes';
import { resetAllSettings } from '../../session/actions/settings';
import { numberText } from '../../session/settings';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import { useResolvedSettings } from '../../session/useSettings';
import { ErrorNote } from '../ui/ErrorNote';
import { Fold } from '../ui/Fold';
import { Panel } from '../ui/Panel';
import { Term } from '../ui/Term';
import { InitialiserSetting } from './InitialiserSetting';
import { InstructionsSetting } from './InstructionsSetting';
import { MemoryBar } from './MemoryBar';
import { NumberSettingField } from './NumberSettingField';
import { ScheduleSetting } from './ScheduleSetting';

export function SettingsPanel() {
  const { error, entered, suggested } = useStudio((state) => state.settings);
  const { settings, errors } = useResolvedSettings();
  const running = useStudio((state) => isRunning(state.run));
  const paused = useStudio((state) => state.run?.state.phase === 'paused');
  const own = Object.keys(entered).length;
  const advancedErrors = ['warmupSteps', 'clipNorm', 'weightDecay', 'validateEvery', 'validationRows'].some(
    (key) => key in errors,
  );
  return (
    <Panel title="Settings" aside={own > 0 ? `${own} of your own` : suggested ? 'automatic' : undefined}>
      {error && <ErrorNote error={error} />}
      <MemoryBar />
      <Fold
        startOpen
        title={
          settings
            ? `${settings.virtualTokens} virtual tokens · ${settings.steps} steps · lr ${numberText(settings.learningRate)}`
            : 'Values'
        }
      >
        <fieldset className="stack settings" disabled={running}>
          <legend className="visually-hidden">Training settings</legend>
          {!suggested && (
            <Text as="p" size="1" color="gray">
              Left empty, a value is chosen once there are a model and data.
            </Text>
          )}
          {(running || paused) && (
            <Text as="p" size="1" color="gray">
              {running
                ? 'The run keeps the settings it started with.'
                : 'Changes count from the next run on.'}
            </Text>
          )}
          <NumberSettingField setting="virtualTokens" label={<Term of="virtualToken">Virtual tokens</Term>} />
          <NumberSettingField setting="learningRate" label={<Term of="learningRate">Learning rate</Term>} />
          <NumberSettingField setting="steps" label={<Term of="step">Steps</Term>} />
          <NumberSettingField setting="batchSize" label={<Term of="batchSize">Batch size</Term>} />
          <InitialiserSetting />
          <InstructionsSetting />
          <NumberSettingField setting="seed" label={<Term of="seed">Seed</Term>} />
        </fieldset>
        <Fold title="Advanced" aside={advancedErrors ? 'needs a look' : undefined}>
          <fieldset className="stack settings" disabled={running}>
            <legend className="visually-hidden">Advanced training settings</legend>
            <NumberSettingField setting="warmupSteps" label={<Term of="warmup">Warm-up</Term>} unit="steps" />
            <ScheduleSetting />
            <NumberSettingField setting="clipNorm" label={<Term of="clipNorm">Clip norm</Term>} />
            <NumberSettingField setting="weightDecay" label={<Term of="weightDecay">Weight decay</Term>} />
            <NumberSettingField
              setting="validateEvery"
              label={<Term of="validateEvery">Validate every</Term>}
              unit="steps"
            />
            <NumberSettingField
              setting="validationRows"
              label={<Term of="validationRows">Validation rows</Term>}
            />
          </fieldset>
        </Fold>
        {own > 0 && !running && (
          <Button size="1" variant="soft" color="gray" onClick={resetAllSettings}>
            All automatic again
          </Button>
        )}
      </Fold>
    </Panel>
  );
}
