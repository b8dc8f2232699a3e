/** @file How the run stands: step, loss, phase, speed, time. Read often by eye, spoken seldom. */
import { Progress } from '@radix-ui/themes';
import { useEffect, useRef, useState } from 'react';
import { count, duration, short } from '../../session/format';
import { useNow, useThrottled } from '../../session/hooks';
import { elapsed } from '../../session/reduce';
import { isRunning, type RunSlice, type StudioState } from '../../session/state';
import { useStudio } from '../../session/store';
import { pace, phaseWords, statusLine, timeLeft } from '../../session/summary';

/** Fast enough to feel live, slow enough to be read. */
const READ_INTERVAL = 150;
/** Spoken progress at most this often; changes of phase are spoken at once. */
const SPEAK_INTERVAL = 20_000;

const runOf = (state: StudioState) => state.run;

export function TrainingStatus() {
  const run = useThrottled(runOf, READ_INTERVAL);
  const running = isRunning(run);
  const now = useNow(running);
  return (
    <>
      {/* Spoken by the announcer below, which keeps to a pace that can be listened to. */}
      <div role="status" aria-label="Training status" aria-live="off" className="training-status">
        {run ? <Words run={run} now={now} /> : <span className="status-idle">Not training yet</span>}
      </div>
      {run && running && (
        <Progress
          size="1"
          className="status-progress"
          aria-label="Progress of the run"
          value={(run.state.step / Math.max(1, run.state.steps)) * 100}
        />
      )}
      <Announcer run={run} />
    </>
  );
}

function Words({ run, now }: { run: RunSlice; now: number }) {
  const lost = useStudio((state) => state.device.lost !== null);
  const running = isRunning(run);
  const speed = pace(run.steps);
  const left = running ? timeLeft(run) : null;
  const details: string[] = [];
  if (speed) {
    details.push(`${short(speed.stepsPerSecond)} steps/s`, `${short(speed.tokensPerSecond)} tokens/s`);
  }
  details.push(`${duration(elapsed(run.clock, now))} elapsed`);
  if (left !== null) details.push(`${duration(left)} left`);
  if (run.savedStep !== null) details.push(`saved at step ${run.savedStep}`);
  return (
    <>
      <span className="status-line numbers">{statusLine(run)}</span>
      <span className={`status-phase phase-${lost ? 'lost' : run.state.phase}`}>
        {lost ? 'device lost, coming back' : phaseText(run)}
      </span>
      <span className="status-details numbers">{details.join(' · ')}</span>
    </>
  );
}

function phaseText(run: RunSlice): string {
  const { phase } = run.state;
  if (phase === 'validating' && run.validationProgress) {
    return `validating ${count(run.validationProgress.done)} / ${count(run.validationProgress.total)} rows`;
  }
  if (phase === 'starting' && run.steps.length === 0) return 'starting, the first step compiles';
  return phaseWords[phase];
}

/** A polite live region of its own: phases at once, progress now and then. */
function Announcer({ run }: { run: RunSlice | null }) {
  const [spoken, setSpoken] = useState('');
  const last = useRef({ phase: '', at: 0 });
  useEffect(() => {
    if (!run) return;
    // Validation interrupts training every few steps: not worth a word.
    const phase = run.state.phase === 'validating' ? 'training' : run.state.phase;
    const now = performance.now();
    if (phase === last.current.phase && now - last.current.at < SPEAK_INTERVAL) return;
    if (phase === last.current.phase && !isRunning(run)) return;
    last.current = { phase, at: now };
    setSpoken(`${phaseWords[phase]}, ${statusLine(run)}`);
  }, [run]);
  return (
    <div aria-live="polite" className="visually-hidden">
      {spoken}
    </div>
  );
}
