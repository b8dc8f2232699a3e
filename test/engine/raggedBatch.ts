/** @file A batch of texts of any lengths that the attention of every engine is tried on. */
import { layoutStep, type StepLayout } from '../../app/engine/layout';

/** A prompt of 5 and a prefix of 3, and texts that follow them in turn. */
export function ragged(lengths: readonly number[]): StepLayout {
  const rows = lengths.reduce((sum, n) => sum + n, 0);
  let start = 0;
  const texts = lengths.map((length, i) => {
    start += length;
    return { start: start - length, length, prompt: i % 2 };
  });
  const lastRows = texts.map((text) => text.start + text.length - 1);
  return layoutStep(
    [
      { kind: 'prompt', length: 5 },
      { kind: 'prefix', length: 3 },
    ],
    {
      tokenIds: new Int32Array(rows),
      isLabel: Uint8Array.from({ length: rows }, (_, i) => (i % 3 === 0 || lastRows.includes(i) ? 1 : 0)),
      texts,
    },
  );
}
