/** @file The prompt that is tried and downloaded: the run's best, or one from a file, with the texts that it was trained on. */
import type { SoftPrompt } from '../engine/engine';
import { checkFit } from '../prompt/compatibility';
import type { PromptArtefact } from '../prompt/types';
import { kindOf, promptOf, rowWidth, tensorOf } from '../training/learner';
import { StudioRequestError } from './errors';
import { formOfCard, formOfData, type InputForm } from './inputForm';
import type { ActiveModel } from './modelSlot';
import type { DeviceReport, PromptReport, StudioEvent } from './protocol';
import type { Recovery } from './recovery';
import { runCard } from './runCard';
import type { RunSlot } from './runSlot';

const OTHER_CHAT =
  'It was trained with another chat template than this model has: its answers may be worse than in training.';
const OTHER_TEXT =
  'What it says of its input template cannot be read: inputs go to the model as they are typed.';

/** A prompt with all that belongs to it. */
export interface HeldPrompt {
  artefact: PromptArtefact;
  /** How an input looked in its training. */
  form: InputForm;
  report: PromptReport;
}

export interface PromptContext {
  runs: RunSlot;
  recovery: Recovery;
  /** The present one. */
  device(): DeviceReport;
  emit: (event: StudioEvent) => void;
}

export class PromptSlot {
  private imported: HeldPrompt | null = null;
  /** Whether the imported prompt is the one in use; one that a run has started from stays at hand for the next. */
  private importedInUse = false;
  private imports = 0;

  constructor(private readonly context: PromptContext) {}

  /** The prompt in use, or null while there is none. In a turn. */
  async held(): Promise<HeldPrompt | null> {
    if (this.importedInUse) return this.imported;
    const { runs, recovery, device } = this.context;
    const run = runs.current;
    if (!run) return null;
    const trained = await recovery.outlast(() => run.trainer.result());
    const { runId, state } = run.trainer;
    const { settings } = state.lanes[trained.lane];
    const { identity, engine } = run.model;
    const card = runCard(run, trained, device());
    const width = rowWidth(engine, settings);
    const virtualTokens = trained.values.length / width;
    const kind = kindOf(settings);
    return {
      artefact: { kind, virtualTokens, width, values: trained.values, model: identity, card },
      form: formOfData(run.data),
      report: {
        id: `${runId} ${trained.lane} ${trained.step}`,
        name: `${card.dataset}, step ${card.step}`,
        origin: 'run',
        kind,
        virtualTokens,
        warning: null,
        card,
      },
    };
  }

  /** Tells the page which prompt is in use. In a turn. */
  async tell(): Promise<PromptReport | null> {
    const prompt = (await this.held())?.report ?? null;
    this.context.emit({ type: 'promptChanged', prompt });
    return prompt;
  }

  /** As `tell`, after a command that is done whatever comes of telling. */
  async tellAnyway(): Promise<void> {
    await this.tell().catch(() => undefined);
  }

  /** @throws StudioRequestError while there is none. */
  async require(): Promise<HeldPrompt> {
    const held = await this.held();
    if (held) return held;
    throw new StudioRequestError('There is no prompt yet.', 'Train one, or drop a prompt file.');
  }

  /** The imported prompt as a start for training, or null. */
  get file(): PromptArtefact | null {
    return this.imported?.artefact ?? null;
  }

  /** @throws PromptError when it does not fit the model; what is in use stays. */
  take({ name, artefact }: ReadPrompt, model: ActiveModel): PromptReport {
    const { warning } = checkFit(artefact, model.identity);
    const { virtualTokens, card } = artefact;
    const otherChat = (card.chatTemplateHash ?? model.chat?.hash) !== model.chat?.hash ? OTHER_CHAT : null;
    const { form, readable } = formOfCard(card);
    const report: PromptReport = {
      id: `file ${++this.imports}`,
      name,
      origin: 'file',
      kind: artefact.kind,
      virtualTokens,
      warning: warning ?? otherChat ?? (readable ? null : OTHER_TEXT),
      card,
    };
    this.imported = { artefact, form, report };
    this.importedInUse = true;
    return report;
  }

  /** From now on the run's prompt is the one in use. */
  preferRun(): void {
    this.importedInUse = false;
  }

  forgetImported(): void {
    this.imported = null;
    this.importedInUse = false;
  }
}

/** A prompt file that waits for a model to be held against. */
export interface ReadPrompt {
  name: string;
  artefact: PromptArtefact;
}

/** @throws PromptError when it is no prompt. */
export async function readPromptFiles(files: readonly File[]): Promise<ReadPrompt> {
  const named = await Promise.all(
    files.map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })),
  );
  // Few import a prompt, and nobody before there is a model.
  const { importPrompt } = await import('../prompt/importPrompt');
  return { name: files.map((file) => file.name).join(', '), artefact: importPrompt(named) };
}

/** An artefact on the device. The caller disposes what `dispose` gives back. */
export function uploadPrompt({ kind, width, values }: PromptArtefact): {
  prompt: SoftPrompt;
  dispose: () => void;
} {
  const prompt = promptOf(kind, values, width);
  return { prompt, dispose: () => tensorOf(prompt).dispose() };
}
