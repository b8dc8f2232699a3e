/** @file The prompt that is tried and downloaded: the run's best, or one from a file. */
import * as tf from '@tensorflow/tfjs-core';
import type { SoftPrompt } from '../engine/engine';
import { checkFit } from '../prompt/compatibility';
import { importPrompt } from '../prompt/importPrompt';
import type { PromptArtefact } from '../prompt/types';
import { StudioRequestError } from './errors';
import type { ActiveModel } from './modelSlot';
import type { DeviceReport, PromptReport } from './protocol';
import { runCard } from './runCard';
import type { RunSlot } from './runSlot';

const OTHER_CHAT =
  'It was trained with another chat template than this model has: its answers may be worse than in training.';

export class PromptSlot {
  private imported: { artefact: PromptArtefact; report: PromptReport } | null = null;
  /** Whether the imported prompt is the one in use; one that a run has started from stays at hand for the next. */
  private importedInUse = false;

  constructor(
    private readonly runs: RunSlot,
    private readonly device: () => DeviceReport,
  ) {}

  /** The artefact of the prompt in use, or null while there is none. */
  async artefact(): Promise<PromptArtefact | null> {
    if (this.inUse) return this.inUse.artefact;
    const run = this.runs.current;
    const trained = await this.runs.result();
    if (!run || !trained) return null;
    const { settings } = run.trainer;
    const { hidden } = run.model.engine.spec;
    return {
      kind: 'prompt',
      virtualTokens: settings.virtualTokens,
      width: hidden,
      values: trained.values,
      model: run.model.identity,
      card: runCard(run, trained, this.device()),
    };
  }

  /** @throws StudioRequestError while there is none. */
  async require(): Promise<PromptArtefact> {
    const artefact = await this.artefact();
    if (artefact) return artefact;
    throw new StudioRequestError('There is no prompt yet.', 'Train one, or drop a prompt file.');
  }

  async report(): Promise<PromptReport | null> {
    if (this.inUse) return this.inUse.report;
    const artefact = await this.artefact();
    if (!artefact) return null;
    const { virtualTokens, card } = artefact;
    return {
      name: `${card.dataset}, step ${card.step}`,
      origin: 'run',
      virtualTokens,
      warning: null,
      card,
    };
  }

  /** The imported prompt as a start for training, or null. */
  get file(): PromptArtefact | null {
    return this.imported?.artefact ?? null;
  }

  /** @throws PromptError when it is no prompt or does not fit the model; what is in use stays. */
  async import(files: readonly File[], model: ActiveModel): Promise<PromptReport> {
    const named = await Promise.all(
      files.map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })),
    );
    const artefact = importPrompt(named);
    const { warning } = checkFit(artefact, model.identity);
    const { virtualTokens, card } = artefact;
    const otherChat = (card.chatTemplateHash ?? model.chat?.hash) !== model.chat?.hash ? OTHER_CHAT : null;
    const name = files.map((file) => file.name).join(', ');
    const report: PromptReport = { name, origin: 'file', virtualTokens, warning: warning ?? otherChat, card };
    this.imported = { artefact, report };
    this.importedInUse = true;
    return report;
  }

  /** The imported prompt, if it is the one in use. */
  get inUse(): { artefact: PromptArtefact; report: PromptReport } | null {
    return this.importedInUse ? this.imported : null;
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

/** An artefact on the device. The caller disposes what `dispose` gives back. */
export function uploadPrompt({ kind, virtualTokens, width, values }: PromptArtefact): {
  prompt: SoftPrompt;
  dispose: () => void;
} {
  // A copy: the cpu backend would keep the artefact's own array.
  const tensor = tf.tensor2d(values.slice(), [virtualTokens, width]);
  const prompt: SoftPrompt =
    kind === 'prompt' ? { kind, vectors: tensor } : { kind: 'prefix', keysValues: tensor };
  return { prompt, dispose: () => tensor.dispose() };
}
