/** @file How to train: values chosen for model and data, each with its reason, each the person's to change. */
import { Button, Text } from '@radix-ui/themes';
import { resetAllSettings } from '../../session/actions/settings';
import { numberText } from '../../session/settings';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import { useResolvedSettings } from '../../session/useSettings';
import { isNumeric, SETTINGS, type SettingName, settingNames } from '../../workers/protocol';
import { ErrorNote } from '../ui/ErrorNote';
import { Fold } from '../ui/Fold';
import { Panel } from '../ui/Panel';
import { ChoiceSetting } from './ChoiceSetting';
import { FrameSetting } from './FrameSetting';
import { InitialiserSetting } from './InitialiserSetting';
import { InstructionsSetting } from './InstructionsSetting';
import { MemoryBar } from './MemoryBar';
import { NumberSettingField } from './NumberSettingField';

export function SettingsPanel() {
  const { error, entered, suggested } = useStudio((state) => state.settings);
  const { settings, errors } = useResolvedSettings();
  const running = useStudio((state) => isRunning(state.run));
  const paused = useStudio((state) => state.run?.state.phase === 'paused');
  const own = Object.keys(entered).length;
  const advancedErrors = settingNames.some((name) => SETTINGS[name].place === 'advanced' && name in errors);
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
          <Controls place="basic" />
        </fieldset>
        <Fold title="Advanced" aside={advancedErrors ? 'needs a look' : undefined}>
          <fieldset className="stack settings" disabled={running}>
            <legend className="visually-hidden">Advanced training settings</legend>
            <Controls place="advanced" />
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

/** The controls of one place, in the order of the table. */
function Controls({ place }: { place: 'basic' | 'advanced' }) {
  return settingNames
    .filter((name) => SETTINGS[name].place === place)
    .map((name) => <Control key={name} name={name} />);
}

function Control({ name }: { name: SettingName }) {
  if (isNumeric(name)) return <NumberSettingField setting={name} />;
  // The words to start from stand in the control of the start.
  if (name === 'initialiser') return <InitialiserSetting />;
  if (name === 'instructions') return <InstructionsSetting />;
  if (name === 'before' || name === 'after') return <FrameSetting setting={name} />;
  if (name === 'search' || name === 'method' || name === 'schedule') return <ChoiceSetting setting={name} />;
  return null;
}
