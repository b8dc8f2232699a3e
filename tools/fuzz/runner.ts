/** @file The process that damages and reads for `fuzz.mjs`: it tells each mutant before it is read, and the end. */
import { campaign } from './campaign';
import { formats } from './formats';

const tell = (message: object) => process.send?.(message);

await new Promise<void>((resolve) => {
  process.on('disconnect', resolve);
  process.on('message', async ({ format, count, seed, from }: Record<string, never>) => {
    // An error that nobody waits for would reach no person and end nothing.
    process.on('unhandledRejection', (error) => tell({ kind: 'rejection', text: String(error) }));
    const end = await campaign(format, {
      count,
      seed,
      from,
      onMutant: (index, { mutants, read, refused, faults }) =>
        tell({ kind: 'mutant', index, mutants, read, refused, faults: faults.splice(0) }),
    }).then(
      (outcome) => ({ kind: 'end', ...outcome }),
      (error: unknown) => ({ kind: 'broken', text: String(error instanceof Error ? error.stack : error) }),
    );
    tell(end);
  });
  tell({ kind: 'ready', formats: Object.keys(formats) });
});
