/**
 * @file The numbers of docs/proof.md, in blocks by name: tables, and the sentences that follow from them and would be others if the
 * numbers were. What stands around them is written by hand.
 */
import { digits, NONE, points, table } from '../study/tables';
import { type Cell, contenderOf, placeOf } from './cells';
import { type Ahead, aheadOf, type Contender, lossOf, outcomeOf, type Share, shareOf } from './compare';
import { type Part, type ProofResults, partsOf } from './parts';

export type { ProofResults } from './parts';

export const BLOCKS = ['verdict', 'ground', 'tables', 'instructions', 'agreement', 'missing'] as const;
export type Block = (typeof BLOCKS)[number];

export function writeProof(results: ProofResults): Record<Block, string> {
  const parts = partsOf(results);
  return {
    verdict: verdict(parts, results.plan.cells),
    ground: ground(results),
    tables: tables(parts),
    instructions: instructions(parts),
    agreement: agreement(results),
    missing: missing(results),
  };
}

const OUTCOMES = { beats: '**beats it**', open: 'cannot be told from it', loses: '**loses to it**' };

/** How Auto stands against each opponent: in a sentence, and for each model and task. */
function verdict(parts: readonly Part[], cells: readonly Cell[]): string {
  const names = [...new Set(parts.flatMap(({ opponents }) => opponents.map(([name]) => name)))];
  const standings = parts.map((part) => names.map((name) => aheadOn(part, name)));
  const counted = names.flatMap((name, i) => {
    const known = standings.flatMap((row) => row[i] ?? []).map(outcomeOf);
    const [beats, loses] = ['beats', 'loses'].map((one) => known.filter((other) => other === one).length);
    if (known.length === 0) return [];
    return [`${name} on ${beats} of ${known.length}${loses > 0 ? ` and loses to it on ${loses}` : ''}`];
  });
  const cut = cells.some((cell) => cell.by === 'auto' && cell.steps !== null);
  const sentence =
    counted.length > 0
      ? `**Auto, untouched${cut ? ' but for its steps' : ''}, beats ${joined(counted)} of the models and tasks measured.**`
      : 'Not measured yet: nothing can be said of Auto against anybody.';
  const rows = parts.map((part, at) => [
    part.title,
    ...standings[at].map((ahead) =>
      ahead ? `${OUTCOMES[outcomeOf(ahead)]}: ${points(pointsOf(ahead))}` : 'not measured',
    ),
  ]);
  return [sentence, table(['Auto on', ...names.map((name) => `against ${name}`)], rows)].join('\n\n');
}

/** Null where one of the two is not measured. */
function aheadOn(part: Part, opponent: string): Ahead | null {
  const other = part.opponents.find(([name]) => name === opponent)?.[1];
  return part.auto && other ? aheadOf(part.auto, other) : null;
}

function ground({ header, plan, records, missing: left }: ProofResults): string {
  const days = records.map(({ date }) => date.slice(0, 10)).sort();
  const span = days[0] === days.at(-1) ? days[0] : `${days[0]} to ${days.at(-1)}`;
  const versions = records.find((record) => record.versions)?.versions;
  const peft = versions
    ? `PEFT ${versions.peft} with PyTorch ${versions.torch} and transformers ${versions.transformers}`
    : 'no PEFT';
  const seconds = records.reduce((sum, record) => sum + record.seconds, 0);
  const models = plan.models.flatMap(({ id, title }) => {
    const found = records.find(({ cell }) => cell.model === id);
    return found
      ? [`${title} (its embedding table’s sha-256 begins with ${found.modelHash.slice(0, 8)})`]
      : [];
  });
  return [
    `${days.length > 0 ? span : header.date}; ${header.machine}, Node ${header.versions.node}, ${peft}. The data files’ sha-256 begins with ${header.dataHash.slice(0, 8)}.`,
    ...(models.length > 0 ? [`Models: ${joined(models)}.`] : []),
    stepsOf(plan.cells),
    `${records.length} of ${records.length + left.length} cells are done, in ${digits(seconds / 60)} minutes.`,
  ].join(' ');
}

function stepsOf(cells: readonly Cell[]): string {
  const steps = new Set(
    cells.flatMap((cell) => (cell.by === 'auto' || cell.by === 'peft' ? [cell.steps] : [])),
  );
  const said = [...steps].map((one) =>
    one === null ? 'as many steps as the page suggests' : `${one} steps`,
  );
  return `Whatever is trained makes ${said.join(' or ')} at most.`;
}

const HEAD = [
  'contender',
  'right by labels',
  'right as written',
  'loss',
  'Auto is ahead, points',
  'McNemar’s p',
  'steps · best at',
  'seconds',
];

function tables(parts: readonly Part[]): string {
  const written = parts.map((part) => {
    const rows = contendersOf(part).map(([name, contender]) => rowOf(name, contender, part.auto));
    const about = rows.length > 0 ? [rowsOf(part)] : [];
    return [`### ${part.title}`, ...about, table(HEAD, rows)].join('\n\n');
  });
  return written.join('\n\n');
}

function contendersOf(part: Part): [string, Contender][] {
  const best = part.bestInstruction;
  const told: [string, Contender][] = best ? [[`best instruction: ${best.name}`, best]] : [];
  return [
    ...named(part.auto),
    ...named(part.bare),
    ...told,
    ...part.shots.flatMap((one) => named(one)),
    ...named(part.peft('prompt-guide')),
    ...named(part.peft('prefix-guide')),
    ...part.extras.flatMap((one) => named(one)),
  ];
}

function named(contender: Contender | null, name = contender?.name ?? ''): [string, Contender][] {
  return contender ? [[name, contender]] : [];
}

/** How many rows there were to learn from, to choose by and to be tested on. */
function rowsOf(part: Part): string {
  const tested = [part.auto, part.bare, ...part.instructions].find((one) => one !== null);
  const training = part.auto?.records[0].training?.rows;
  const test = tested?.records[0].scores.right.length ?? 0;
  const learned = training
    ? `${training.training} rows to learn from, ${training.validation} to choose by, `
    : '';
  const seeds = part.auto?.records.length ?? 0;
  return `${learned}${test} test rows${seeds > 1 ? `; ${seeds} seeds, each with rows of its own` : ''}.`;
}

function rowOf(name: string, contender: Contender, auto: Contender | null): string[] {
  const right = shareOf(contender);
  const ahead = auto && auto.name !== contender.name ? aheadOf(auto, contender) : null;
  const trainings = contender.records.flatMap(({ training }) => training ?? []);
  const mean = (of: (training: (typeof trainings)[number]) => number) =>
    trainings.reduce((sum, one) => sum + of(one), 0) / Math.max(1, trainings.length);
  const trained = trainings.length > 0;
  return [
    name,
    shares(right),
    whole(shareOf(contender, 'exact').mean),
    digits(lossOf(contender)),
    ahead ? points(pointsOf(ahead)) : NONE,
    ahead ? ahead.p.map(small).join(', ') : NONE,
    trained ? `${digits(mean(({ steps }) => steps))} · ${digits(mean(({ best }) => best))}` : NONE,
    trained ? digits(mean(({ seconds }) => seconds)) : NONE,
  ];
}

function instructions(parts: readonly Part[]): string {
  const seen = new Set<string>();
  const rows = parts.flatMap((part) => {
    const key = `${part.model.id} ${part.task.id}`;
    if (seen.has(key)) return [];
    seen.add(key);
    return part.instructions.map((contender) => {
      const [{ instruction = '' }] = contender.records;
      const place = `${part.model.title}, ${part.task.title}`;
      return [place, contender.name.split(' ')[1], shortened(instruction), shares(shareOf(contender))];
    });
  });
  return table(['model, task', 'no.', 'instruction', 'right by labels'], rows);
}

/** Nats by which what PEFT says of its own prompt is apart from what this program says of the file. */
function agreement({ records }: ProofResults): string {
  const both = records.flatMap(({ training }) => training?.agreement ?? []);
  if (both.length === 0) return 'Not measured yet.';
  const apart = Math.max(...both.map(({ theirs, ours }) => Math.abs(theirs - ours) / Math.max(theirs, 1e-6)));
  return `Of ${both.length} prompts that PEFT trained and saved, the validation loss that PEFT had and the one that this program has of the saved file differ by ${(100 * apart).toPrecision(1)} % at most.`;
}

function missing({ missing: cells }: ProofResults): string {
  if (cells.length === 0) return 'Nothing of the plan.';
  const places = new Map<string, string[]>();
  for (const cell of cells) {
    const place = placeOf(cell);
    places.set(place, [...(places.get(place) ?? []), contenderOf(cell)]);
  }
  return [...places].map(([place, names]) => `- ${place}: ${joined(names)}.`).join('\n');
}

function pointsOf({ mean, low, high, p }: Ahead) {
  return { mean, low, high, count: p.length };
}

/** `85 % (80 to 90)`, and of several seeds each. */
function shares({ mean, low, high, each }: Share): string {
  const seeds = each.length > 1 ? `; ${each.map(whole).join(', ')}` : '';
  return `${whole(mean)} (${Math.round(100 * low)} to ${Math.round(100 * high)})${seeds}`;
}

function whole(share: number): string {
  return `${Math.round(100 * share)} %`;
}

function small(p: number): string {
  return p < 0.001 ? '<0.001' : p.toFixed(3);
}

const MOST_SHOWN = 120;

function shortened(text: string): string {
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN - 1)}…` : text;
}

/** `a, b and c`. */
function joined(parts: readonly string[]): string {
  if (parts.length < 2) return parts.join('');
  return `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}
