/**
 * @file The numbers of docs/findings.md, in blocks by name: tables, and the sentences that follow from them and would be others if
 * the numbers were. What stands around them is written by hand.
 */
import { METHODS as METHOD_NAMES } from '../../app/training/methods/names';
import type { LearnerCell, Outcome } from './cells';
import {
  ahead,
  exactOf,
  Facts,
  lossOf,
  lowest,
  meanOf,
  RECIPE_NAMES,
  type StudyResults,
  type Trained,
} from './facts';
import { DEFAULT, LENGTHS, METHODS, RATES, RECIPES } from './plan';
import { starts, startsBehind } from './starts';
import { type Estimate, estimate } from './statistics';
import { digits, listed, NONE, percent, points, table } from './tables';

export const BLOCKS = ['ground', 'starts', 'lengths', 'rates', 'methods', 'auto', 'peft', 'losses'] as const;
export type Block = (typeof BLOCKS)[number];

export function writeFindings(results: StudyResults): Record<Block, string> {
  const facts = new Facts(results);
  return {
    ground: ground(facts),
    starts: starts(facts),
    lengths: lengths(facts),
    rates: rates(facts),
    methods: methods(facts),
    auto: auto(facts),
    peft: peft(facts),
    losses: losses(facts),
  };
}

/**
 * Puts blocks between their marks (`<!-- numbers: NAME -->` and `<!-- end -->`) in place of what stands there.
 * @throws Error where text and blocks do not have the same names, once each
 */
export function fillIn(text: string, blocks: Readonly<Record<string, string>>): string {
  const left = new Set(Object.keys(blocks));
  const filled = text.replace(
    /(<!-- numbers: (\S+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, open, name, close) => {
      if (!left.delete(name))
        throw new Error(`There are no numbers called “${name}”, or they stand there twice.`);
      return `${open}\n${blocks[name]}\n\n${close}`;
    },
  );
  if (left.size > 0) throw new Error(`The text has no place for ${[...left].join(', ')}.`);
  return filled;
}

function ground(facts: Facts): string {
  const { header, records, missing, seeds } = facts.results;
  const dates = records.map(({ date }) => date.slice(0, 10)).sort();
  const versions = records.find((record) => record.versions)?.versions;
  const peft = versions
    ? `PEFT ${versions.peft} with PyTorch ${versions.torch} and transformers ${versions.transformers}${versions.threads ? `, ${versions.threads} threads` : ''}`
    : 'no PEFT';
  const days = dates[0] === dates.at(-1) ? dates[0] : `${dates[0]} to ${dates.at(-1)}`;
  const lines = [
    `${days ?? header.date}, model ${header.model} (its embedding table’s sha-256 begins with ${header.modelHash.slice(0, 8)}, RMS ${header.elementRms.toPrecision(3)}), seeds ${seeds.join(', ')}; ${header.machine}, Node ${header.versions.node}, ${peft}. ${records.length} of ${records.length + missing.length} cells are done.`,
  ];
  const rows = facts.samples.flatMap((sample) => {
    const words = facts.words(sample);
    if (!words) return [];
    const { training, validation, test } = words.rows;
    const share = (score: { exact: number }) =>
      percent({ mean: score.exact, low: null, high: null, count: 1 });
    return [
      [
        sample,
        `${training} · ${validation} · ${test}`,
        `${share(words.test.bare)} · ${digits(words.validation.bare.loss)}`,
        `${share(words.test.told)} · ${digits(words.validation.told.loss)}`,
      ],
    ];
  });
  const head = [
    'sample',
    'rows: training · validation · test',
    'bare model: exact · loss',
    'instruction: exact · loss',
  ];
  return [...lines, table(head, rows)].join('\n\n');
}

const GRID_HEAD = ['exact on test rows', 'validation loss', 'best at step', 'against the default, points'];

/** What the grid's tables say of a cell. */
function gridCells(facts: Facts, cell: Trained): string[] {
  const difference = ahead([[facts.learner(cell.sample), cell]]);
  const isDefault = facts.learner(cell.sample)?.outcomes === cell.outcomes;
  return [
    percent(exactOf(cell)),
    digits(lossOf(cell).mean),
    digits(meanOf(cell, ({ best }) => best.step)),
    isDefault ? 'the default' : difference ? points(difference) : NONE,
  ];
}

function lengths(facts: Facts): string {
  const rows = facts.samples.flatMap((sample) =>
    [DEFAULT.rate, 0.5].flatMap((rate) =>
      LENGTHS.flatMap((virtualTokens) => {
        // Of a rate that only the usual length was trained with there is nothing to see here.
        if (!facts.learner(sample, { rate, virtualTokens: LENGTHS[0] })) return [];
        const cell = facts.learner(sample, { rate, virtualTokens });
        return cell ? [[sample, `${rate}·RMS`, String(virtualTokens), ...gridCells(facts, cell)]] : [];
      }),
    ),
  );
  return table(['sample', 'rate', 'tokens', ...GRID_HEAD], rows);
}

function rates(facts: Facts): string {
  const rows = facts.samples.flatMap((sample) =>
    RATES.flatMap((rate) => {
      const cell = facts.learner(sample, { rate });
      return cell ? [[sample, `${rate}·RMS`, ...gridCells(facts, cell)]] : [];
    }),
  );
  return table(['sample', 'rate', ...GRID_HEAD], rows);
}

function methods(facts: Facts): string {
  const own = (sample: string, method: LearnerCell['method'], rate = DEFAULT.rate) =>
    facts.learner(sample, { method, rate });
  const rows = facts.samples.flatMap((sample) =>
    METHODS.flatMap((method) => {
      const usual = own(sample, method);
      if (!usual) return [];
      const tried = RATES.flatMap((rate) => {
        const cell = own(sample, method, rate);
        return cell ? [{ ...cell, rate }] : [];
      });
      const best = tried.length > 1 ? lowest(tried) : null;
      return [
        [
          sample,
          METHOD_NAMES[method].label,
          ...gridCells(facts, usual),
          best ? `${percent(exactOf(best))} at ${best.rate}·RMS` : NONE,
        ],
      ];
    }),
  );
  const pooled = METHODS.filter((method) => method !== 'prompt').flatMap((method) => {
    const difference = ahead(facts.samples.map((sample) => [own(sample, 'prompt'), own(sample, method)]));
    return difference
      ? [`- ${METHOD_NAMES[method].label}: ${points(difference)}, of ${difference.count} pairs.`]
      : [];
  });
  return [
    table(['sample', 'method', ...GRID_HEAD, 'exact at its own best rate'], rows),
    ...listed('Points ahead of prompt tuning at the default rate, over seeds × samples:', pooled),
  ].join('\n\n');
}

function auto(facts: Facts): string {
  const rows = facts.samples.flatMap((sample) => {
    const best = facts.best(sample);
    const contenders = [
      facts.app(sample, 'none'),
      facts.app(sample, 'auto'),
      best && { ...best, name: `best cell of the grid: ${best.name}` },
      ...documented().map((recipe) => facts.peft(sample, recipe)),
    ];
    return contenders
      .filter((one) => one !== null)
      .map((one) => [
        sample,
        one.name,
        percent(exactOf(one)),
        digits(lossOf(one).mean),
        digits(meanOf(one, ({ laneSteps }) => laneSteps)),
        digits(meanOf(one, ({ seconds }) => seconds)),
      ]);
  });
  const head = [
    'sample',
    'trained',
    'exact on test rows',
    'validation loss',
    'steps of all its prompts',
    'seconds',
  ];
  const against: [string, (sample: string) => Trained | null][] = [
    ['the app’s default, one prompt', (sample) => facts.app(sample, 'none')],
    ['the best cell of the grid', (sample) => facts.best(sample)],
    ...documented().map((recipe): [string, (sample: string) => Trained | null] => [
      RECIPE_NAMES[recipe],
      (sample) => facts.peft(sample, recipe),
    ]),
  ];
  const sentences = against.flatMap(([name, of]) => {
    const difference = ahead(facts.samples.map((sample) => [of(sample), facts.app(sample, 'auto')]));
    if (!difference) return [];
    const cost = costOf(facts, of);
    return [`- ${name}: ${points(difference)}, in ${digits(cost)} times its seconds.`];
  });
  const chosen = facts.samples.flatMap((sample) => {
    const found = facts.app(sample, 'auto');
    if (!found) return [];
    const choices = found.outcomes.map(({ note, seed }) => `${note ?? NONE} (seed ${seed})`);
    return [`- ${sample}: ${choices.join('; ')}.`];
  });
  return [
    table(head, rows),
    ...listed('Points that Automatic is ahead of, over seeds × samples:', sentences),
    ...listed('What it chose:', chosen),
  ].join('\n\n');
}

/** Of seconds, Automatic's against another's: the geometric mean over samples. */
function costOf(facts: Facts, of: (sample: string) => Trained | null): number {
  const seconds = ({ seconds: all }: Outcome) => all;
  const logs = facts.samples.flatMap((sample) => {
    const other = of(sample);
    const mine = facts.app(sample, 'auto');
    return other && mine ? [Math.log(meanOf(mine, seconds) / meanOf(other, seconds))] : [];
  });
  return Math.exp(estimate(logs).mean);
}

/** Recipes that are PEFT's own. */
function documented() {
  return RECIPES.filter((recipe) => !recipe.endsWith('-ours'));
}

function peft(facts: Facts): string {
  const rows = RECIPES.flatMap((recipe) => {
    const found = facts.samples.map((sample) => facts.peft(sample, recipe));
    if (found.every((one) => one === null)) return [];
    const method = recipe.split('-')[0] as LearnerCell['method'];
    const difference = ahead(facts.samples.map((sample, i) => [found[i], facts.learner(sample, { method })]));
    return [
      [
        RECIPE_NAMES[recipe],
        ...found.map((one) => (one ? percent(exactOf(one)) : NONE)),
        difference ? points(difference) : NONE,
      ],
    ];
  });
  const head = [
    'trained',
    ...facts.samples.map((sample) => `${sample}: exact`),
    'our method at its default is ahead, points',
  ];
  const same = facts.samples.flatMap((sample) => {
    const [theirs, ours] = [facts.peft(sample, 'prompt-ours'), facts.learner(sample)];
    if (!theirs || !ours) return [];
    const apart = theirs.outcomes.flatMap(({ curve }, seed) =>
      curve.flatMap(([step, loss]) => {
        const mine = ours.outcomes[seed].curve.find(([at]) => at === step);
        return mine ? [{ step, apart: Math.abs(mine[1] - loss) }] : [];
      }),
    );
    const first = Math.max(
      ...apart.filter(({ step }) => step <= DEFAULT.validateEvery).map((one) => one.apart),
    );
    const all = Math.max(...apart.map((one) => one.apart));
    return [
      `- ${sample}: validation losses differ by ${first.toExponential(0)} nats at most until step ${DEFAULT.validateEvery}, by ${all.toExponential(0)} in all.`,
    ];
  });
  return [
    table(head, rows),
    ...listed('PEFT’s prompt tuning from our start, at our rate, with the same batches, against ours:', same),
  ].join('\n\n');
}

/** Everything above in which the app is behind, by the mean; in bold where the interval leaves no doubt. */
function losses(facts: Facts): string {
  const lines: string[] = [];
  let compared = 0;
  const behind = (who: string, difference: Estimate | null, whom: string) => {
    if (difference) compared += 1;
    if (!difference || difference.mean >= 0) return;
    const sure = difference.high !== null && difference.high < 0;
    lines.push(
      `- ${sure ? '**' : ''}${who} behind ${whom}${sure ? '**' : ''}: ${points(difference)} points.`,
    );
  };
  for (const sample of facts.samples) {
    const [one, automatic, best] = [facts.app(sample, 'none'), facts.app(sample, 'auto'), facts.best(sample)];
    behind(`${sample}: Automatic`, ahead([[one, automatic]]), 'the default single prompt');
    behind(`${sample}: Automatic`, ahead([[best, automatic]]), `the grid’s ${best?.name}`);
    behind(`${sample}: the default`, ahead([[best, one]]), `the grid’s ${best?.name}`);
    for (const recipe of documented()) {
      const theirs = facts.peft(sample, recipe);
      behind(`${sample}: Automatic`, ahead([[theirs, automatic]]), RECIPE_NAMES[recipe]);
      behind(`${sample}: the default`, ahead([[theirs, one]]), RECIPE_NAMES[recipe]);
    }
    for (const recipe of RECIPES) {
      const method = recipe.split('-')[0] as LearnerCell['method'];
      if (method === 'prompt') continue;
      const ours = facts.learner(sample, { method });
      behind(
        `${sample}: our ${METHOD_NAMES[method].label}`,
        ahead([[facts.peft(sample, recipe), ours]]),
        RECIPE_NAMES[recipe],
      );
    }
  }
  lines.push(...startsBehind(facts));
  if (compared === 0) return 'Not measured yet.';
  return lines.length > 0 ? lines.join('\n') : 'Nowhere in these cells.';
}
