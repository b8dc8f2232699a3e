/** @file What came out: a table for the eye, JSON to take along. */
import { Button, Table, Text } from '@radix-ui/themes';
import { useEffect, useState } from 'react';
import { Panel } from '../../app/components/ui/Panel';
import type { ProcessorReport } from '../processorReport';
import type { BenchReport } from '../report';
import { deviceName, fileName, resultRows } from './results';

export function BenchResult({ report }: { report: BenchReport | ProcessorReport }) {
  const { workload } = report;
  const software = 'adapter' in report && report.adapter.software;
  const text = JSON.stringify(report, null, 2);
  return (
    <Panel title="Result" aside={deviceName(report)}>
      <Text as="p" size="2" color="gray" role="status">
        {report.model}, {workload.batch} × {workload.length} tokens of which {workload.labels} each are
        labels, after {workload.prompt} virtual tokens.
        {software && ' A software adapter: the processor does its work, so this says nothing about a GPU.'}
      </Text>
      <Table.Root size="1">
        <Table.Body>
          {resultRows(report).map(({ name, value, note }) => (
            <Table.Row key={name}>
              <Table.RowHeaderCell>{name}</Table.RowHeaderCell>
              <Table.Cell className="numbers">
                <strong>{value}</strong>
                {note && (
                  <Text as="p" size="1" color="gray">
                    {note}
                  </Text>
                )}
              </Table.Cell>
            </Table.Row>
          ))}
        </Table.Body>
      </Table.Root>
      <div className="row">
        <CopyButton text={text} />
        <DownloadButton text={text} name={fileName(report)} />
      </div>
      <details className="fold">
        <summary>JSON</summary>
        <pre className="report">{text}</pre>
      </details>
    </Panel>
  );
}

function CopyButton({ text }: { text: string }) {
  const [outcome, setOutcome] = useState<'Copied' | 'Could not copy' | null>(null);
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setOutcome('Copied'),
      () => setOutcome('Could not copy'),
    );
  return (
    <Button type="button" variant="soft" onClick={copy}>
      {outcome ?? 'Copy JSON'}
    </Button>
  );
}

function DownloadButton({ text, name }: { text: string; name: string }) {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([`${text}\n`], { type: 'application/json' }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [text]);
  return (
    <Button asChild variant="soft">
      <a href={url} download={name}>
        Download JSON
      </a>
    </Button>
  );
}
