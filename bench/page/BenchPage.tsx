/** @file The benchmark's page: what to measure, how far it is, what came out. */
import { Heading, Link, Text, Theme } from '@radix-ui/themes';
import { ErrorNote } from '../../app/components/ui/ErrorNote';
import { Panel } from '../../app/components/ui/Panel';
import { ProgressLine } from '../../app/components/ui/ProgressLine';
import { useAppearance } from '../../app/session/theme';
import { BenchForm } from './BenchForm';
import { BenchResult } from './BenchResult';
import { useBench } from './useBench';

export function BenchPage() {
  const { state, run, cancel } = useBench();
  return (
    <Theme
      appearance={useAppearance()}
      accentColor="indigo"
      grayColor="slate"
      radius="medium"
      panelBackground="solid"
      className="page bench-page"
    >
      <header className="header">
        <Heading as="h1" size="4" className="header-title">
          Benchmark
        </Heading>
        <Text size="2" className="header-device">
          <Link href="./">Soft Prompt Studio</Link>
        </Text>
      </header>
      <main className="bench">
        <Panel title="What to measure">
          <Text as="p" size="2" color="gray">
            Times one training step, loss and gradient of a soft prompt, on this computer’s graphics adapter
            or its processor, and the same step in plain TensorFlow.js. Nothing is sent anywhere.
          </Text>
          <BenchForm running={state.is === 'running'} onRun={run} onCancel={cancel} />
          {state.is === 'running' && (
            <ProgressLine
              label={`${state.progress.text.charAt(0).toUpperCase()}${state.progress.text.slice(1)}`}
              share={state.progress.of > 0 ? state.progress.done / state.progress.of : null}
            />
          )}
          {state.is === 'failed' && (
            <ErrorNote
              error={{
                kind: 'device',
                message: state.message,
                hint: 'Close other pages that use the GPU, or choose a smaller model or fewer texts.',
              }}
            />
          )}
        </Panel>
        {state.is === 'done' && <BenchResult report={state.report} />}
      </main>
    </Theme>
  );
}
