/** @file The answers under way: one request at a time, with the prompt in use and the template that it was trained with. */
import type { DatasetSlot } from './datasetSlot';
import type { ActiveModel } from './modelSlot';
import { generateAnswers, type PlaygroundInput } from './playground';
import { type PromptSlot, uploadPrompt } from './promptSlot';
import type { GenerateRequest, StudioEvent } from './protocol';
import type { Recovery } from './recovery';

export interface GenerationContext {
  /** @throws StudioRequestError when no model is loaded. */
  model(): ActiveModel;
  prompts: PromptSlot;
  data: DatasetSlot;
  recovery: Recovery;
  emit: (event: StudioEvent) => void;
}

export class GenerationSlot {
  private underWay: { abort: AbortController; done: Promise<void> } | null = null;

  constructor(private readonly context: GenerationContext) {}

  /** Ends the answers before, then streams these. @throws as the engine, and StudioRequestError without what is asked for */
  async answer(requestId: number, request: GenerateRequest): Promise<void> {
    const before = this.end();
    const abort = new AbortController();
    const answered = () => this.stream(requestId, request, abort.signal);
    const done = before.then(() => this.context.recovery.guard(answered));
    this.underWay = { abort, done };
    await done;
  }

  /** Tells the answers under way to end, without waiting. */
  cut(): void {
    this.underWay?.abort.abort();
  }

  async end(): Promise<void> {
    const ending = this.underWay;
    this.underWay = null;
    ending?.abort.abort();
    await ending?.done.catch(() => undefined);
  }

  private async stream(requestId: number, request: GenerateRequest, signal: AbortSignal): Promise<void> {
    const { prompts, emit } = this.context;
    const model = this.context.model();
    const uploaded = request.columns.includes('with') ? uploadPrompt(await prompts.require()) : null;
    try {
      const template = this.inputTemplate();
      const systemText = this.systemText();
      const prompt = uploaded?.prompt ?? null;
      await generateAnswers({ model, request, requestId, template, systemText, prompt, signal, emit });
    } finally {
      uploaded?.dispose();
    }
  }

  /** The template that the prompt in use was trained with: an imported one's own, else the dataset's. */
  private inputTemplate(): PlaygroundInput['template'] {
    const { prompts, data } = this.context;
    const dataset = data.current;
    if (dataset && !prompts.inUse) {
      return { text: dataset.dataset.report.options.inputTemplate, columns: dataset.table.columns };
    }
    const text = prompts.inUse?.artefact.card.inputTemplate;
    if (!text) return null;
    return { text, columns: [...text.matchAll(/\{([^{}]+)\}/g)].map(([, name]) => name) };
  }

  /** The system text of the chat that the prompt in use was trained in; null for texts as they stand. */
  private systemText(): string | null {
    const { prompts, data } = this.context;
    const dataset = data.current?.dataset;
    if (dataset && !prompts.inUse) return dataset.chatFormat?.systemText ?? null;
    // Files of our own say whether it was a chat; of others, and without any, the model's own way is the best guess.
    const { chat, inputTemplate, systemText = '' } = prompts.inUse?.artefact.card ?? {};
    return (chat ?? String(inputTemplate === undefined)) === 'true' ? systemText : null;
  }
}
