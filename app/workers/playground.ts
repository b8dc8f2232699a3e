/** @file Answers to one input side by side: the bare model's, with an instruction in words, with the soft prompt. */
import { createChatFormat } from '../data/chat';
import { DataError } from '../data/errors';
import type { SoftPrompt } from '../engine/engine';
import { createTextStream } from '../model/tokenizer';
import type { InputForm } from './inputForm';
import type { ActiveModel } from './modelSlot';
import type { AnswerColumn, GenerateRequest, StudioEvent } from './protocol';

export interface PlaygroundInput {
  model: ActiveModel;
  request: GenerateRequest;
  requestId: number;
  /** Of the prompt in use, for all columns: what differs between them is the prompt alone. */
  form: InputForm;
  prompt: SoftPrompt | null;
  signal: AbortSignal;
  emit: (event: StudioEvent) => void;
}

/** Streams the answers of all columns asked for, one after the other: the device does one thing at a time. */
export async function generateAnswers(input: PlaygroundInput): Promise<void> {
  const { request, requestId, signal, emit } = input;
  const text = input.form.fill(request.input);
  for (const column of request.columns) {
    if (signal.aborted) return;
    const prompt = column === 'with' ? input.prompt : null;
    if (column === 'with' && !prompt) continue;
    const ids = encodeInput(input, text, column === 'hard' ? request.hardPrompt : '');
    const begun = performance.now();
    const tokens = await stream(input, column, prompt, Int32Array.from(ids));
    if (signal.aborted) return;
    emit({ type: 'generated', requestId, column, tokens, milliseconds: performance.now() - begun });
  }
}

/** The input as in training; an instruction comes in the system turn, or before the text where there are no turns. */
function encodeInput({ model, form }: PlaygroundInput, text: string, instruction: string): number[] {
  const { systemText } = form;
  const plain = instruction ? `${instruction}\n${text}` : text;
  if (!model.chat || systemText === null) return model.tokenizer.encode(plain);
  try {
    const system = [systemText, instruction].filter(Boolean).join('\n\n');
    return createChatFormat(model.chat, model.tokenizer, system).encodeInput(text).ids;
  } catch (error) {
    // A template that cannot be used; a dataset's notes say so, and its texts stand as they are too.
    if (error instanceof DataError) return model.tokenizer.encode(plain);
    throw error;
  }
}

async function stream(
  { model, request, requestId, signal, emit }: PlaygroundInput,
  column: AnswerColumn,
  prompt: SoftPrompt | null,
  ids: Int32Array,
): Promise<number> {
  const words = createTextStream(model.tokenizer, Array.from(ids));
  const say = (text: string) => {
    if (text && !signal.aborted) emit({ type: 'token', requestId, column, text });
  };
  let tokens = 0;
  const options = { ...request.sampling, stopIds: model.tokenizer.stopIds, signal };
  for await (const id of model.engine.generate(prompt, ids, options)) {
    tokens++;
    say(words.push(id));
  }
  say(words.end());
  return tokens;
}
