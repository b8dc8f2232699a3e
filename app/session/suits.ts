/**
 * @file Whether the model in use suits the person's rows, and which one would: said before they train, since a prompt calls up what
 * a model can do and teaches it nothing else.
 */
import type { DatasetReport, InputsReading, ModelReport, RunSettings } from '../workers/protocol';
import type { Offer } from './catalogue';
import { bytes, figures } from './format';

/** A model that knows a text needs less than this part of what blind guessing needs: docs/training.md has what was measured. */
const STRANGE = 0.6;
/** English in the vocabulary of a model that has read much of it takes 1.2 to 1.5. */
const MANY_PIECES = 2;

/** Smaller models of the list are for trials: they have read stories, or little of anything. */
const FEWEST_PARAMETERS = 100e6;

/** Names a model as it is loaded, so that what was read with one is not taken for another's. */
export function modelKey({
  id,
  revision,
  weightFormat,
}: Pick<ModelReport, 'id' | 'revision' | 'weightFormat'>): string {
  return JSON.stringify([id, revision, weightFormat]);
}

export function isStrange({ loss, guessing }: Pick<InputsReading, 'loss' | 'guessing'>): boolean {
  return loss >= STRANGE * guessing;
}

/** What is seen, in words; null where the model knows such text. */
export function strangerWords(reading: InputsReading): string | null {
  if (!isStrange(reading)) return null;
  const { loss, guessing, pieces } = reading;
  const cut = pieces >= MANY_PIECES ? `, and takes ${figures(pieces)} pieces for a word` : '';
  return `This model hardly knows text like your inputs: it needs ${figures(loss)} nats a token for them, where blind guessing needs ${figures(guessing)}${cut}.`;
}

/**
 * The smallest model of the list that has read text of all kinds, is larger than the present one, fits this device and can be had
 * without a token; null where none does.
 */
export function nextModel(offers: readonly Offer[], present: Pick<ModelReport, 'parameters'>): Offer | null {
  const least = Math.max(FEWEST_PARAMETERS, present.parameters + 1);
  const [smallest] = offers
    .filter(({ model, fit }) => fit !== 'none' && !model.gated && model.parameters >= least)
    .sort((a, b) => a.model.parameters - b.model.parameters);
  return smallest ?? null;
}

/**
 * Seconds of a step of another model, from how fast the present one was read: forward and backward, each virtual token once.
 * Rough; on a processor within a factor of two.
 */
export function stepSeconds(
  { flops }: Pick<InputsReading, 'flops'>,
  { model }: Offer,
  { batchSize, virtualTokens }: Pick<RunSettings, 'batchSize' | 'virtualTokens'>,
  { lengths }: Pick<DatasetReport, 'lengths'>,
): number {
  const rows = batchSize * lengths.median + virtualTokens;
  // Forward once; backward once more, since the weights have no gradient.
  return (4 * model.parameters * rows) / flops;
}

/** What it takes to have a model, in words. @param seconds of a step; null where that is not known */
export function costWords({ model, memory }: Offer, seconds: number | null): string {
  const parts = [
    model.stored ? 'kept in this browser' : `${bytes(model.downloadBytes)} to download`,
    `${bytes(memory)} of memory`,
    seconds === null
      ? null
      : `roughly ${seconds < 10 ? Number(seconds.toPrecision(1)) : Math.round(seconds)} s a step here`,
  ];
  return parts.filter((part) => part !== null).join(', ');
}
