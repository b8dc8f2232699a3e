/** @file The model in use: its size, its shape, how its weights lie, and what is wrong with the fused engine, if anything. */
import { Button, Text } from '@radix-ui/themes';
import { useState } from 'react';
import { loadModel } from '../../session/actions/model';
import { bytes, count, short } from '../../session/format';
import { memoryWords } from '../../session/memory';
import { embeddedModel, embeddedModelId, modelName, shortRevision } from '../../session/modelAddress';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import type { ModelReport } from '../../workers/protocol';
import { Note } from '../ui/ErrorNote';
import { Fold } from '../ui/Fold';
import { Term } from '../ui/Term';
import { Int8Cost } from './Int8Cost';

export function ModelFacts({ report }: { report: ModelReport }) {
  const int8 = report.weightFormat === 'int8';
  return (
    <div className="stack stack-start">
      <div>
        <Text as="p" size="2" weight="medium" className="breakable">
          {modelName(report.id)}
          {report.revision && (
            <Text size="1" color="gray" weight="regular" title={report.revision}>
              {' '}
              @{shortRevision(report.revision)}
            </Text>
          )}
        </Text>
        <Text as="p" size="1" color="gray" className="numbers">
          {report.modelType} · {short(report.parameters)} parameters · {bytes(report.bytes)}
          {report.fromCache ? ', kept in this browser' : ''}
        </Text>
        <Text as="p" size="1" color="gray" className="numbers">
          {report.layers} layers of {report.hidden} · {count(report.vocabSize)} <Term of="token">tokens</Term>{' '}
          · {count(report.contextLength)} positions ·{' '}
          {int8 ? <Term of="int8">8-bit weights</Term> : report.dtype}, {memoryWords(report.weightBytes)} on
          the device
          {report.chat && (
            <>
              {' '}
              · <Term of="chatModel">chat</Term>
            </>
          )}
        </Text>
      </div>
      {report.notKept && (
        <Note>
          <p>{report.notKept}</p>
        </Note>
      )}
      {report.notes.map((note) => (
        <Note key={note}>
          <p>{note}</p>
        </Note>
      ))}
      {int8 && <Int8Cost />}
      {report.engine.problem && <EngineProblem problem={report.engine.problem} />}
      {report.id !== embeddedModelId && <BackToEmbedded />}
    </div>
  );
}

function BackToEmbedded() {
  const busy = useStudio(({ model, run }) => model.loading !== null || isRunning(run));
  if (busy) return null;
  return (
    <Button size="1" variant="ghost" onClick={() => loadModel(embeddedModel(document.baseURI))}>
      Back to the embedded model
    </Button>
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
        <div>
          <Button size="1" variant="soft" onClick={copy}>
            {copied ? 'Copied' : 'Copy the report'}
          </Button>
        </div>
      </Fold>
    </Note>
  );
}
