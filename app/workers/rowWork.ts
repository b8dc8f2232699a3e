/**
 * @file Work on the person's rows with the prompt in use: which of the training rows it finds hardest, which unlabelled rows it is
 * least sure of, and what it is worth together with the run's other prompts. One piece at a time, beside other commands, and never at once with a run.
 */
import { inputTokens, packExamples } from '../data/pack';
import { compileTemplate } from '../data/template';
import { tokenizeExamples } from '../data/tokenize';
import type { Table, TokenExample } from '../data/types';
import type { Engine, SoftPrompt } from '../engine/engine';
import { askClasses, hostVectors } from '../evaluation/askClasses';
import { drawRows } from '../evaluation/pickRows';
import { scoreRows } from '../evaluation/scoreRows';
import { classGuess } from '../evaluation/uncertainty';
import type { ActiveDataset, DatasetSlot } from './datasetSlot';
import { askEnsemble } from './ensemble';
import { StudioRequestError } from './errors';
import { readInputs } from './inputsReading';
import type { ActiveModel, ModelSlot } from './modelSlot';
import type { Platform } from './platform';
import { type HeldPrompt, type PromptSlot, uploadPrompt } from './promptSlot';
import type { EnsembleReport, HardRows, InputsReading, RankedRows, StudioEvent } from './protocol';
import type { Recovery } from './recovery';
import type { RunSlot } from './runSlot';
import { SideWork, type Turns } from './turns';

/** Rows that are asked about at most. */
const MOST_ROWS = 2000;
/** Rows that are told of. */
const MOST_HARD = 100;
/** Milliseconds after which no more rows are taken, and rows between two looks at the clock. */
const MOST_TIME = 60_000;
const SLICE = 16;
/** Tokens of an answer that is written to see how sure the model is of it. */
const ANSWER_TOKENS = 32;

export interface RowWorkContext {
  platform: Pick<Platform, 'openData'>;
  turns: Turns;
  models: ModelSlot;
  prompts: PromptSlot;
  data: DatasetSlot;
  runs: RunSlot;
  recovery: Recovery;
  emit: (event: StudioEvent) => void;
}

/** What a piece of work needs; the prompt is on the device until it is done. */
interface Ground {
  engine: Engine;
  model: ActiveModel;
  active: ActiveDataset;
  held: HeldPrompt;
  prompt: SoftPrompt;
  signal: AbortSignal;
}

export class RowWork {
  private readonly work: SideWork;

  constructor(private readonly context: RowWorkContext) {
    this.work = new SideWork(context.turns);
  }

  /** @throws StudioRequestError without a prompt or data, or while a run goes on. Null when cancelled. */
  hardest(): Promise<HardRows | null> {
    return this.run((ground) => this.findHardest(ground));
  }

  /** What the bare model makes of the inputs. @throws StudioRequestError without data, or while a run goes on. Null when cancelled. */
  readInputs(): Promise<InputsReading | null> {
    const { models, data, runs, recovery } = this.context;
    return this.work.run(async (signal) => {
      runs.refuseBusy();
      await recovery.ready();
      const model = models.get();
      const { dataset } = await data.for(model);
      return async () => {
        try {
          return await recovery.guard(() => readInputs(model, dataset, signal));
        } catch (error) {
          if (signal.aborted) return null;
          throw error;
        }
      };
    });
  }

  /** The best prompts of the run together. Otherwise as `hardest`. */
  askTogether(): Promise<EnsembleReport | null> {
    return this.run(async ({ engine, active, signal }) => {
      const { trainer } = this.context.runs.get();
      const report = await askEnsemble({
        engine,
        data: active.dataset,
        prompts: trainer.bests,
        inSlices: (rows, ask) => this.inSlices(rows, signal, ask),
        signal,
      });
      return { ...report, runId: trainer.runId };
    });
  }

  /** @throws DataError for a file that cannot be read; StudioRequestError where its columns are not those of the input */
  async rank(files: File[]): Promise<RankedRows | null> {
    const read = await Promise.all(
      files.map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })),
    );
    const { train } = await this.context.platform.openData(read, {});
    return this.run((ground) => this.rankRows(ground, train));
  }

  end(): Promise<void> {
    return this.work.end();
  }

  cancel(): Promise<void> {
    return this.work.cancel();
  }

  private run<T>(task: (ground: Ground) => Promise<T>): Promise<T | null> {
    const { models, prompts, data, runs, recovery } = this.context;
    return this.work.run(async (signal) => {
      runs.refuseBusy();
      await recovery.ready();
      const model = models.get();
      const held = await prompts.require();
      const active = await data.for(model);
      return async () => {
        const { prompt, dispose } = uploadPrompt(held.artefact);
        try {
          const { engine } = model;
          return await recovery.guard(() => task({ engine, model, active, held, prompt, signal }));
        } catch (error) {
          if (signal.aborted) return null;
          throw error;
        } finally {
          dispose();
        }
      };
    });
  }

  private async findHardest({ engine, active, held, prompt, signal }: Ground): Promise<HardRows> {
    const { training, trainingExamples, classes, classTokens } = active.dataset;
    const scored = { examples: trainingExamples, classes, classTokens };
    const order = drawRows(training.length, MOST_ROWS);
    const found = await this.inSlices(order, signal, async (rows) => {
      const [scores] = await scoreRows(engine, [{ prompt, texts: training }], scored, { rows, signal });
      return scores;
    });
    const hardest = found
      .map((score) => ({ score, loss: score.nats / Math.max(1, score.labels) }))
      .sort((a, b) => b.loss - a.loss)
      .slice(0, MOST_HARD);
    return {
      prompt: held.report,
      rows: found.length,
      of: training.length,
      hardest: hardest.map(({ score, loss }) => {
        const { row, input, target, turns } = trainingExamples[score.row];
        const said = score.likeliest === null ? null : (classes?.[score.likeliest] ?? null);
        return { row, input, ...(turns && { turns }), target, said, loss };
      }),
    };
  }

  private async rankRows(ground: Ground, table: Table): Promise<RankedRows> {
    const { held, active, signal } = ground;
    const { classes } = active.dataset;
    const { texts, columns } = await encodeUnlabelled(ground, table);
    const order = drawRows(table.rows.length, MOST_ROWS).filter((row) => inputTokens(texts[row]).length > 0);
    const found = await this.inSlices(order, signal, async (rows) => {
      const asked = rows.map((row) => texts[row]);
      const guesses = classes ? await guessClasses(ground, asked) : await guessAnswers(ground, asked);
      return guesses.map((guess, i) => ({
        ...guess,
        cells: table.rows[rows[i]],
        row: table.rowNumbers[rows[i]],
      }));
    });
    return {
      prompt: held.report,
      columns,
      target: targetColumn(active, columns),
      of: table.rows.length,
      by: classes ? 'classes' : 'answers',
      rows: found.sort((a, b) => b.uncertainty - a.uncertainty || a.row - b.row),
    };
  }

  /** Asks about rows a few at a time, until all are done or time has run out. */
  private async inSlices<T>(
    order: readonly number[],
    signal: AbortSignal,
    ask: (rows: number[]) => Promise<T[]>,
  ): Promise<T[]> {
    const found: T[] = [];
    const began = performance.now();
    for (let from = 0; from < order.length; from += SLICE) {
      if (from > 0 && performance.now() - began > MOST_TIME) break;
      signal.throwIfAborted();
      this.context.emit({ type: 'rowWork', done: from, total: order.length });
      found.push(...(await ask(order.slice(from, from + SLICE))));
    }
    signal.throwIfAborted();
    return found;
  }
}

interface Guess {
  guess: string;
  uncertainty: number;
}

async function guessClasses({ engine, active, prompt }: Ground, texts: TokenExample[]): Promise<Guess[]> {
  const { classes, classTokens } = active.dataset;
  const asked = texts.map((text) => ({ prompt, text }));
  const scores = await askClasses(engine, asked, classTokens, hostVectors());
  return scores.map((row) => {
    const { guess, uncertainty } = classGuess(row.map(({ nats }) => nats));
    return { guess: classes?.[guess] ?? '', uncertainty };
  });
}

/** Of free answers: what is written greedily, and how unlikely its tokens are on average, in nats. */
async function guessAnswers(
  { engine, model, prompt, signal }: Ground,
  texts: TokenExample[],
): Promise<Guess[]> {
  const guesses: Guess[] = [];
  for (const text of texts) {
    const input = inputTokens(text);
    const ids: number[] = [];
    const { stopIds } = model.tokenizer;
    const options = { maxTokens: ANSWER_TOKENS, temperature: 0, stopIds, signal };
    for await (const id of engine.generate(prompt, input, options)) ids.push(id);
    signal.throwIfAborted();
    // An answer that ends at once is judged by how likely its end is.
    const said = ids.length > 0 ? ids : stopIds.slice(0, 1);
    const tokenIds = Int32Array.from([...input, ...said]);
    const isLabel = new Uint8Array(tokenIds.length).fill(1, input.length);
    const [{ nats, labels }] = await engine.evaluate([prompt], packExamples([{ tokenIds, isLabel }]));
    guesses.push({ guess: model.tokenizer.decode(ids).trim(), uncertainty: nats / Math.max(1, labels) });
  }
  return guesses;
}

/** Inputs as in training; in place of the answer stands any, which nobody looks at. */
async function encodeUnlabelled(
  { model, active }: Ground,
  table: Table,
): Promise<{ texts: TokenExample[]; columns: string[] }> {
  const { classes, classTokens, chatFormat, report } = active.dataset;
  const { options } = report;
  if (options.kind !== 'inputTarget') {
    throw new StudioRequestError(
      'Unlabelled rows can be ranked where rows of the dataset are an input and its answer.',
      'This dataset consists of texts or conversations.',
    );
  }
  const columns = inputColumns(options.inputTemplate, active, table);
  const input = compileTemplate(options.inputTemplate, columns);
  const target = classes?.[0] ?? '-';
  const examples = table.rows.map((cells, i) => ({
    input: input.fill(cells),
    target,
    row: table.rowNumbers[i],
  }));
  const reserve = Math.max(0, ...classTokens.map(({ length }) => length));
  const texts = await tokenizeExamples(examples, model.tokenizer, { ...options, reserve, chatFormat });
  return { texts, columns };
}

/** The file's columns by the names that the input template has; a file of one column has that of a template of one. */
function inputColumns(template: string, active: ActiveDataset, table: Table): string[] {
  const { columns } = active.tables.train;
  const used = [...new Set(compileTemplate(template, columns).columns)].map((column) => columns[column]);
  const missing = used.filter((name) => !table.columns.includes(name));
  if (missing.length === 0) return table.columns;
  if (used.length === 1 && table.columns.length === 1) return used;
  const names = missing.map((name) => `“${name}”`).join(', ');
  throw new StudioRequestError(
    `The file has no column ${names}, which the inputs of the dataset are made of. It has ${table.columns.map((name) => `“${name}”`).join(', ')}.`,
    'Name its columns as in the dataset, or give a file with one column of texts.',
  );
}

/** The column that a person writes the right answer into: the dataset's own, or one that the file does not have. */
function targetColumn({ dataset, tables }: ActiveDataset, columns: readonly string[]): string {
  const used = new Set(compileTemplate(dataset.report.options.targetTemplate, tables.train.columns).columns);
  const name = used.size === 1 ? tables.train.columns[[...used][0]] : 'label';
  return columns.includes(name) ? `right ${name}` : name;
}
