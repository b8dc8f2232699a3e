/** @file Which frozen model: what it is, how far it has come, and another one by address. */
import { Button, Text } from '@radix-ui/themes';
import { useState } from 'react';
import { cancelModel, dismissModelError, loadModel } from '../../session/actions/model';
import { bytes, count, short } from '../../session/format';
import { embeddedModelId } from '../../session/modelAddress';
import { useStudio } from '../../session/store';
import type { ModelProgress, ModelReport } from '../../workers/protocol';
import { ErrorNote, Note } from '../ui/ErrorNote';
import { Fold } from '../ui/Fold';
import { Empty, Panel } from '../ui/Panel';
import { ProgressLine } from '../ui/ProgressLine';
import { Term } from '../ui/Term';
import { ModelByAddress } from './ModelByAddress';

export function ModelPanel() {
  const { report, loading, error, failed } = useStudio((state) => state.model);
  return (
    <Panel title="Model" aside={report && !loading ? 'ready' : undefined}>
      {report && <ModelFacts report={report} />}
      {!report && !loading && !error && !failed && (
        <Empty>
          The <Term of="frozenModel">frozen model</Term> that comes with the page will stand here.
        </Empty>
      )}
      {loading && (
        <div className="stack stack-start">
          <ProgressLine {...progressWords(loading.address.id, loading.progress)} />
          <Button size="1" variant="soft" color="gray" onClick={cancelModel}>
            Cancel loading
          </Button>
        </div>
      )}
      {error && (
        <ErrorNote error={error} onDismiss={report ? dismissModelError : undefined}>
          {failed && (
            <Button size="1" variant="soft" onClick={() => loadModel(failed)}>
              Try again
            </Button>
          )}
          {report && (
            <Text size="1" color="gray">
              {nameOf(report.id)} stays in use.
            </Text>
          )}
        </ErrorNote>
      )}
      {!error && failed && !loading && (
        <div className="row">
          <Text size="2">Loading {nameOf(failed.id)} was cancelled.</Text>
          <Button size="1" variant="soft" onClick={() => loadModel(failed)}>
            Load it
          </Button>
        </div>
      )}
      <Fold title="Another model by address">
        <ModelByAddress />
      </Fold>
    </Panel>
  );
}

function ModelFacts({ report }: { report: ModelReport }) {
  return (
    <div>
      <Text as="p" size="2" weight="medium" className="breakable">
        {nameOf(report.id)}
      </Text>
      <Text as="p" size="1" color="gray" className="numbers">
        {report.modelType} · {short(report.parameters)} parameters · {bytes(report.bytes)}
        {report.fromCache ? ', kept in this browser' : ''}
      </Text>
      <Text as="p" size="1" color="gray" className="numbers">
        {report.layers} layers of {report.hidden} · {count(report.vocabSize)} <Term of="token">tokens</Term> ·{' '}
        {count(report.contextLength)} positions · {report.dtype}
      </Text>
      {report.engine.problem && <EngineProblem problem={report.engine.problem} />}
    </div>
  );
}

/** A driver that computes wrong numbers is named; the numbers can be copied into a report. */
function EngineProblem({ problem }: { problem: NonNullable<ModelReport['engine']['problem']> }) {
  const [copied, setCopied] = useState(false);
  const device = useStudio((state) => state.device.report?.name);
  const copy = async () => {
    await navigator.clipboard.writeText([device, navigator.userAgent, problem.details].join('\n'));
    setCopied(true);
  };
  return (
    <Note tone="warning">
      <p>{problem.message}</p>
      <Fold title="What was measured">
        <pre className="report">{problem.details}</pre>
        <Button size="1" variant="soft" onClick={copy}>
          {copied ? 'Copied' : 'Copy the report'}
        </Button>
      </Fold>
    </Note>
  );
}

function nameOf(id: string): string {
  return id === embeddedModelId ? 'Embedded model (studio-2.6m)' : id;
}

const phases: Record<ModelProgress['phase'], string> = {
  downloading: 'Downloading',
  reading: 'Reading',
  uploading: 'Moving to the device:',
  compiling: 'Compiling',
};

function progressWords(id: string, progress: ModelProgress | null) {
  if (!progress) return { label: `Loading ${nameOf(id)}`, share: null };
  const { phase, file, loaded, total } = progress;
  const share = total > 0 ? loaded / total : null;
  const amount = total > 0 ? `${bytes(loaded)} of ${bytes(total)}` : loaded > 0 ? bytes(loaded) : '';
  return { label: `${phases[phase]} ${file}`.trim(), share, words: phase === 'compiling' ? '' : amount };
}
