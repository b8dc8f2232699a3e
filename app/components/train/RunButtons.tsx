/** @file Train, pause, resume, step, stop: those that can do something now. */
import { PauseIcon, PlayIcon, StopIcon, TrackNextIcon } from '@radix-ui/react-icons';
import { Button, Text } from '@radix-ui/themes';
import { useId } from 'react';
import { pause, resume, step, stop, train } from '../../session/actions/training';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import { useResolvedSettings } from '../../session/useSettings';

const ANOTHER_LOADS = 'Another model is loading: wait for it, or cancel loading it.';

export function RunButtons() {
  const id = useId();
  const { settings, errors } = useResolvedSettings();
  const loading = useStudio((state) => state.model.loading !== null && state.model.report !== null);
  const missing = useMissing(Object.keys(errors).length > 0);
  const pending = useStudio((state) => state.pending);
  const running = useStudio((state) => isRunning(state.run));
  const phase = useStudio((state) => state.run?.state.phase);
  const runSettings = useStudio((state) => state.run?.settings);
  const tooLarge = useStudio((state) => state.memory.report?.fits === false);
  const paused = phase === 'paused';
  const ended = useStudio((state) => state.trainer.ended);
  const busy = pending !== null || ended;
  const ready = settings !== null && missing === null;
  const why = paused && !ended ? (loading ? ANOTHER_LOADS : null) : missing;
  const stepSettings = paused ? (runSettings ?? settings) : settings;
  return (
    <div className="run-buttons">
      {!running && !paused && (
        <Button
          size="2"
          disabled={!ready || busy}
          loading={pending === 'train'}
          aria-describedby={why ? id : undefined}
          onClick={() => settings && train(settings)}
        >
          <PlayIcon aria-hidden /> Train
        </Button>
      )}
      {running && (
        <Button size="2" variant="soft" disabled={busy} loading={pending === 'pause'} onClick={pause}>
          <PauseIcon aria-hidden /> Pause
        </Button>
      )}
      {paused && (
        <Button
          size="2"
          disabled={busy || loading}
          loading={pending === 'resume'}
          aria-describedby={loading ? id : undefined}
          onClick={resume}
        >
          <PlayIcon aria-hidden /> Resume
        </Button>
      )}
      {!running && (
        <Button
          size="2"
          variant="soft"
          color="gray"
          disabled={(paused ? loading : !ready) || busy}
          loading={pending === 'step'}
          aria-describedby={why ? id : undefined}
          onClick={() => stepSettings && step(stepSettings)}
        >
          <TrackNextIcon aria-hidden /> Step
        </Button>
      )}
      {(running || paused) && (
        <Button
          size="2"
          variant="soft"
          color="gray"
          disabled={busy}
          loading={pending === 'stop'}
          onClick={stop}
        >
          <StopIcon aria-hidden /> Stop
        </Button>
      )}
      {tooLarge && ready && !running && !paused && (
        <Text size="2" color="amber" highContrast>
          May not fit the memory: see Settings.
        </Text>
      )}
      {why && !running && (
        <Text size="2" color="gray" id={id}>
          {why}
        </Text>
      )}
    </div>
  );
}

/** What is needed before anything can be trained, in the order of the page; null when all is there. */
function useMissing(invalid: boolean): string | null {
  const device = useStudio((state) => state.device.error === null);
  const model = useStudio((state) => state.model.report !== null);
  const loadingModel = useStudio((state) => state.model.loading !== null || state.device.report === null);
  const data = useStudio((state) => state.data.report !== null);
  const suggested = useStudio((state) => state.settings.suggested !== null);
  const opening = useStudio((state) => state.data.loading?.name ?? null);
  const updating = useStudio((state) => state.data.updating);
  const optionsError = useStudio((state) => state.data.optionsError?.message ?? null);
  const fault = useStudio((state) => Object.entries(state.data.faults)[0]?.join(': ') ?? null);
  const ended = useStudio((state) => state.trainer.ended);
  if (ended) return 'The trainer has ended: start it again at the top of the page.';
  if (!device) return 'There is no device to train on.';
  if (!model) return loadingModel ? 'The model is still loading.' : 'Load a model first.';
  if (loadingModel) return ANOTHER_LOADS;
  if (opening !== null) return `${opening} is being opened.`;
  if (!data) return 'Choose data first: a sample is one click.';
  if (optionsError !== null) return `The data options cannot be used: ${optionsError}`;
  if (fault !== null) return `The data options cannot be used. ${fault}`;
  if (updating) return 'The data options are being applied…';
  if (invalid) return 'A setting needs another value.';
  if (!suggested) return 'Choosing settings…';
  return null;
}
