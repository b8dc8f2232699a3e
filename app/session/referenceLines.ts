/** @file The heights that a run's curve has to pass: what words alone reach on the same rows. */
import type { ValidationRecord, WordsRecord } from '../workers/protocol';
import { contenderLabel, countInstructions } from './verdictWords';

/** What words alone reach on the rows of the validation curve: a height that the prompt has to pass. */
export interface ReferenceLine {
  kind: 'bare' | 'words';
  /** As the page speaks of it. */
  name: string;
  /** Nats per label token. */
  loss: number;
  /** Step of the first validation pass below it; null while there is none. */
  passedAt: number | null;
}

/** Lines of the bare model and of the words with the lowest loss, as far as they were scored. */
export function referenceLines(
  words: readonly WordsRecord[] | null,
  validations: readonly ValidationRecord[],
): ReferenceLine[] {
  const told = (words ?? []).filter(({ loss }) => Number.isFinite(loss));
  const best = told.filter(({ name }) => name !== 'bare').toSorted((a, b) => a.loss - b.loss)[0];
  const line = (kind: ReferenceLine['kind'], { name, loss }: WordsRecord): ReferenceLine => ({
    kind,
    name: contenderLabel(name, countInstructions(told)),
    loss,
    passedAt: validations.find((record) => record.loss < loss)?.step ?? null,
  });
  const bare = told.find(({ name }) => name === 'bare');
  return [...(bare ? [line('bare', bare)] : []), ...(best ? [line('words', best)] : [])];
}
