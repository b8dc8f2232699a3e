/** @file What to learn from: a file or a sample, how its rows become examples, and what the model will see. */
import { Button, Text } from '@radix-ui/themes';
import { useRef } from 'react';
import { cancelOpening, dismissDataError, undoOptions, undoReplace } from '../../session/actions/data';
import { count } from '../../session/format';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import { ErrorNote } from '../ui/ErrorNote';
import { Fold } from '../ui/Fold';
import { Empty, Panel } from '../ui/Panel';
import { ProgressLine } from '../ui/ProgressLine';
import { DataFacts } from './DataFacts';
import { DatasetSource } from './DatasetSource';
import { OptionsForm } from './OptionsForm';
import { Preview } from './Preview';

export function DataPanel() {
  const data = useStudio((state) => state.data);
  const running = useStudio((state) => isRunning(state.run));
  const { report, loading, error } = data;
  const columns = useRef<HTMLDivElement>(null);
  const openColumns = () => {
    const fold = columns.current?.querySelector('details');
    if (!fold) return;
    fold.open = true;
    fold.querySelector('summary')?.focus();
    fold.scrollIntoView({ block: 'nearest' });
  };
  return (
    <Panel title="Data" aside={report ? `${count(report.rows)} rows` : undefined}>
      <DatasetSource disabled={running} />
      {loading && (
        <div className="stack stack-start">
          <ProgressLine {...progressWords(loading)} />
          <Button size="1" variant="soft" color="gray" onClick={cancelOpening}>
            Cancel opening
          </Button>
        </div>
      )}
      {error && (
        <ErrorNote error={error} onDismiss={dismissDataError}>
          {report && (
            <Text size="1" color="gray">
              {report.name} stays in use.
            </Text>
          )}
        </ErrorNote>
      )}
      {!report && !loading && (
        <Empty>
          Examples of what you want from the model, an input and the answer to it in every row, stand here as
          the model will read them.
        </Empty>
      )}
      {report && (
        <>
          <div className="row dataset-name">
            <Text size="2" weight="medium" className="breakable">
              {data.sample?.title ?? report.name}
            </Text>
            {data.optionsBefore.length > 0 && !running && (
              <Button size="1" variant="ghost" disabled={data.updating} onClick={undoOptions}>
                Undo change
              </Button>
            )}
            {data.undo && !running && (
              <Button size="1" variant="ghost" onClick={undoReplace}>
                Undo: back to {data.undo}
              </Button>
            )}
          </div>
          {data.sample && (
            <Text as="p" size="1" color="gray">
              {data.sample.description}
            </Text>
          )}
          <Preview report={report} busy={data.updating} />
          <DataFacts report={report} disabled={running} onChooseColumns={openColumns} />
          <div ref={columns}>
            <Fold
              title="Columns and split"
              aside={
                data.optionsError || Object.keys(data.faults).length > 0
                  ? 'needs a look'
                  : `${count(report.training)} + ${count(report.validation)} + ${count(report.test)}`
              }
            >
              <OptionsForm key={data.opened} report={report} error={data.optionsError} disabled={running} />
            </Fold>
          </div>
        </>
      )}
    </Panel>
  );
}

const phases: Record<string, string> = {
  reading: 'Reading',
  parsing: 'Finding rows in',
  tokenizing: 'Cutting into tokens:',
};

function progressWords(loading: NonNullable<ReturnType<typeof useStudio.getState>['data']['loading']>) {
  const { name, progress } = loading;
  // Nothing is heard before the worker has started.
  const started = useStudio.getState().device.report !== null;
  if (!started || progress?.phase === 'waiting') {
    return { label: `${name} opens as soon as the model is ready`, share: null };
  }
  if (!progress) return { label: `Opening ${name}`, share: null };
  const share = progress.total > 0 ? progress.done / progress.total : null;
  return { label: `${phases[progress.phase]} ${name}`, share, words: share === null ? '' : percentOf(share) };
}

function percentOf(share: number): string {
  return `${Math.floor(share * 100)} %`;
}
