/** @file The answers under way: one request at a time, with the prompt in use and in the form that it was trained in. */
import type { DatasetSlot } from './datasetSlot';
import { formOfData, plainForm } from './inputForm';
import type { ModelSlot } from './modelSlot';
import { generateAnswers } from './playground';
import { type PromptSlot, uploadPrompt } from './promptSlot';
import type { GenerateRequest, StudioEvent } from './protocol';
import type { Recovery } from './recovery';
import { SideWork, type Turns } from './turns';

export interface GenerationContext {
  turns: Turns;
  models: ModelSlot;
  prompts: PromptSlot;
  data: DatasetSlot;
  recovery: Recovery;
  emit: (event: StudioEvent) => void;
}

export class GenerationSlot {
  private readonly work: SideWork;

  constructor(private readonly context: GenerationContext) {
    this.work = new SideWork(context.turns);
  }

  /** Ends the answers before, then streams these. @throws as the engine, and StudioRequestError without what is asked for */
  async answer(requestId: number, request: GenerateRequest): Promise<void> {
    const { recovery } = this.context;
    await this.work.run(async (signal) => {
      const stream = await recovery.guard(() => this.begin(requestId, request, signal));
      return () => recovery.guard(stream);
    });
  }

  /** Ends the answers under way, for a turn that takes their model away. */
  end(): Promise<void> {
    return this.work.end();
  }

  cancel(): Promise<void> {
    return this.work.cancel();
  }

  /** Tells the answers under way to end, without waiting. */
  cut(): void {
    this.work.cut();
  }

  private async begin(requestId: number, request: GenerateRequest, signal: AbortSignal) {
    const { models, prompts, data, emit } = this.context;
    const model = models.get();
    const held = request.columns.includes('with') ? await prompts.require() : await prompts.held();
    const form = held?.form ?? (data.current ? formOfData(data.current) : plainForm);
    if (held) emit({ type: 'promptChanged', prompt: held.report });
    emit({ type: 'answering', requestId, prompt: held?.report ?? null });
    return async () => {
      const uploaded = held && request.columns.includes('with') ? uploadPrompt(held.artefact) : null;
      try {
        const prompt = uploaded?.prompt ?? null;
        await generateAnswers({ model, request, requestId, form, prompt, signal, emit });
      } finally {
        uploaded?.dispose();
      }
    };
  }
}
