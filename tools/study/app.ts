/** @file A cell that is a whole run of the app: one prompt or automatic, everything else as suggested. */
import { tensorOf } from '../../app/training/learner';
import { trainToTheEnd } from '../measure/run';
import type { AppCell, Outcome } from './cells';
import { type Ground, sampleOf, scoreOn } from './ground';
import { rounded } from './record';

export async function trainApp(
  ground: Ground,
  { sample, search, steps }: AppCell,
  seeds: readonly number[],
): Promise<Outcome[]> {
  const { engine, model, measures } = ground;
  const { data, settings: suggested } = sampleOf(ground, sample);
  const outcomes: Outcome[] = [];
  for (const seed of seeds) {
    const settings = {
      ...suggested,
      search,
      seed,
      steps,
      warmupSteps: Math.round((suggested.warmupSteps * steps) / suggested.steps),
      validateEvery: Math.min(steps, suggested.validateEvery),
    };
    const run = await trainToTheEnd(sample, { engine, model, measures, data, settings });
    const { state, history, result, prompt, seconds } = run;
    try {
      const [validation] = await scoreOn(engine, data, 'validation', [prompt]);
      const [test] = await scoreOn(engine, data, 'test', [prompt]);
      const took = new Map(history.steps.map((step) => [step.step, step.milliseconds]));
      const chosen = state.lanes[result.lane];
      outcomes.push({
        seed,
        curve: history.validations
          .filter(({ lane }) => lane === result.lane)
          .map(({ step, loss }): [number, number] => [step, rounded(loss)]),
        best: { step: result.step, ...validation },
        test,
        steps: state.step,
        laneSteps: history.steps.length,
        stepSeconds: rounded([...took.values()].reduce((sum, one) => sum + one, 0) / 1000),
        seconds: rounded(seconds),
        ...(chosen.name && { note: chosen.name }),
      });
    } finally {
      tensorOf(prompt).dispose();
    }
  }
  return outcomes;
}
