/** @file What is known of the prompt in use: where it came from, whether it fits, its run card. */
import { Button, Text } from '@radix-ui/themes';
import { forgetPrompt } from '../../session/actions/prompt';
import { enter, resetSetting } from '../../session/actions/settings';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import type { PromptReport } from '../../workers/protocol';
import { Note } from '../ui/ErrorNote';
import { Fold } from '../ui/Fold';

export function PromptCard({ report }: { report: PromptReport }) {
  const running = useStudio((state) => isRunning(state.run));
  const warm = useStudio((state) => state.settings.entered.initialiser === 'file');
  const entries = Object.entries(report.card).filter(([, value]) => value !== '');
  const imported = useStudio((state) => state.prompt.imported);
  return (
    <div className="stack">
      {imported && (
        <>
          <Text as="p" size="2" className="breakable">
            {report.origin === 'file' ? (
              <>
                In use: <strong>{imported.name}</strong>, from a file
              </>
            ) : (
              <>
                The run's own prompt is in use; <strong>{imported.name}</strong> is at hand as a start.
              </>
            )}
          </Text>
          <div className="row row-tight">
            <Button size="1" variant="soft" disabled={running || warm} onClick={() => startFrom(imported)}>
              {warm ? 'The next run starts from it' : 'Start the next run from it'}
            </Button>
            <Button size="1" variant="soft" color="gray" disabled={running} onClick={forget}>
              Forget it
            </Button>
          </div>
        </>
      )}
      {report.warning && (
        <Note tone="warning">
          <p>{report.warning}</p>
        </Note>
      )}
      {entries.length > 0 && (
        <Fold title="Card" aside={entries.length === 1 ? '1 entry' : `${entries.length} entries`}>
          <dl className="card-list numbers">
            {entries.map(([key, value]) => (
              <div key={key}>
                <dt>{words(key)}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        </Fold>
      )}
    </div>
  );
}

/** A warm start keeps the file's own number of virtual tokens. */
function startFrom(report: PromptReport): void {
  enter('initialiser', 'file');
  enter('virtualTokens', String(report.virtualTokens));
}

async function forget(): Promise<void> {
  await forgetPrompt();
  const { entered } = useStudio.getState().settings;
  if (entered.initialiser === 'file') resetSetting('initialiser');
}

/** `datasetHash` → "dataset hash". */
function words(key: string): string {
  return key
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase();
}
