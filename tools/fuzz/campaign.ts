/**
 * @file Damages files of a format, reads each, and counts how that ended. Wrong are: an error that is not in words or
 * came through the funnel for the unforeseen, a reading that takes longer than five seconds, and, where the format
 * carries checksums, another value than the sound file's.
 */
import { createRandom } from '../../app/formats/random';
import { isUnforeseen } from '../../app/formats/words';
import { byteMutators } from './bytes';
import { type FuzzFormat, formats, type Sample } from './formats';

/** Milliseconds of the processor's time that a reading may take: a machine that is busy with other things is no slow reader. */
export const SLOW = 5000;

export interface Fault {
  /** Of the mutant: with the seed it makes it again. */
  index: number;
  kind: 'unworded' | 'slow' | 'silent' | 'ended';
  text: string;
}

export interface Outcome {
  mutants: number;
  /** Read all the same. */
  read: number;
  /** Refused in words. */
  refused: number;
  faults: Fault[];
}

export interface CampaignOptions {
  count: number;
  seed: number;
  /** The first mutant. */
  from?: number;
  /** Told before each. */
  onMutant?: (index: number, so: Outcome) => void;
}

const wordedNames = new Set(['ModelError', 'PromptError', 'DataError', 'ChatTemplateError']);

/** What no sentence for a person has in it; what stands in quotation marks is out of the file. */
const programText =
  /\b(TypeError|RangeError|ReferenceError|ZodError|SyntaxError|is not a function|is not iterable|is not defined|Cannot (?:read|set|convert|mix)|undefined|Invalid (?:typed )?array length|Maximum call stack|Unexpected (?:token|end)|unexpected EOF|invalid (?:distance|length\/literal|block type)|[Aa]llocation failed|BigInt|NaN bytes)\b|\[object /;

/** Why an error is none that a person could be shown; null where it is. */
export function unworded(error: unknown): string | null {
  if (!(error instanceof Error)) return `threw ${String(error)}`;
  const text = error.stack ?? `${error.name}: ${error.message}`;
  if (!wordedNames.has(error.name)) return text;
  if (isUnforeseen(error)) return `unforeseen: ${causes(error)}`;
  // A template's language has words of its own, “undefined” among them.
  if (error.name === 'ChatTemplateError' && error.message.length < 1000) return null;
  const said = error.message.replace(/“[^”]*”|"[^"]*"/g, '');
  if (error.message.trim() === '' || error.message.length > 1000 || programText.test(said))
    return text.slice(0, 500);
  return null;
}

function causes(error: Error): string {
  const texts: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) texts.push(at.stack ?? at.message);
  return texts.at(-1) ?? '';
}

/** @param format a name in `formats` */
export async function campaign(format: string, options: CampaignOptions): Promise<Outcome> {
  const { count, seed, from = 0, onMutant } = options;
  const chosen = formats[format];
  const samples = chosen.samples();
  const sound = await Promise.all(samples.map(({ bytes, read }) => read(bytes)));
  const outcome: Outcome = { mutants: 0, read: 0, refused: 0, faults: [] };
  if (samples.length === 0) return outcome;
  for (let index = from; index < count; index++) {
    onMutant?.(index, outcome);
    const { bytes, at, raw } = mutant(chosen, samples, seed, index);
    const began = process.cpuUsage();
    const fault = (kind: Fault['kind'], text: string) => outcome.faults.push({ index, kind, text });
    outcome.mutants++;
    try {
      const value = await samples[at].read(bytes);
      outcome.read++;
      if (chosen.checksummed && raw && value !== sound[at]) fault('silent', 'another value was read');
    } catch (error) {
      outcome.refused++;
      const wrong = unworded(error);
      if (wrong !== null) fault('unworded', wrong);
    }
    const { user, system } = process.cpuUsage(began);
    const took = (user + system) / 1000;
    if (took > SLOW) fault('slow', `${Math.round(took)} ms`);
  }
  return outcome;
}

/** The mutant of an index: always the same for the same seed. `raw` where only changes were made that checksums notice. */
export function mutant(
  { mutators, noticed = [] }: FuzzFormat,
  samples: readonly Sample[],
  seed: number,
  index: number,
): { bytes: Uint8Array; at: number; raw: boolean } {
  const random = createRandom(seed, index);
  const at = random.int(samples.length);
  const blind = [...byteMutators, ...noticed];
  let { bytes } = samples[at];
  let raw = true;
  for (let times = random.int(4) === 0 ? 2 : 1; times > 0 && bytes.length > 0; times--) {
    const knows: boolean = mutators.length > 0 && raw && bytes === samples[at].bytes && random.int(2) === 0;
    raw &&= !knows;
    const from = knows ? mutators : blind;
    bytes = from[random.int(from.length)](bytes, random);
  }
  return { bytes, at, raw };
}
