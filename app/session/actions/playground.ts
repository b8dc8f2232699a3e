/** @file Asking the model: the bare one, with words before the input, and with the prompt. */
import type { AnswerColumn } from '../../workers/protocol';
import { flushEvents, worker } from '../client';
import { toStudioError } from '../errors';
import type { AskedExample } from '../state';
import { patch, useStudio } from '../store';

export interface Question {
  input: string;
  /** The right answer, where the input is a row of the data as it stands. */
  wanted: string | null;
  hardPrompt: string;
  maxTokens: number;
  temperature: number;
  topP: number;
  seed: number;
}

/** Streams the answers of every column that has something to answer with. */
export async function generate(question: Question): Promise<void> {
  const { playground, prompt } = useStudio.getState();
  const requestId = playground.requestId + 1;
  const columns: AnswerColumn[] = ['without'];
  if (question.hardPrompt.trim() !== '') columns.push('hard');
  if (prompt.report) columns.push('with');
  patch('playground', {
    requestId,
    running: true,
    columns,
    prompt: null,
    answers: {},
    asked: { input: question.input, wanted: question.wanted },
    cancelled: false,
    error: null,
  });
  const { input, hardPrompt, wanted: _wanted, ...sampling } = question;
  try {
    await worker().generate(requestId, { input, hardPrompt, columns, sampling });
    flushEvents();
    finish(requestId, {});
  } catch (thrown) {
    flushEvents();
    const { cancelled } = useStudio.getState().playground;
    finish(requestId, cancelled ? {} : { error: toStudioError(thrown, 'generation') });
  }
}

/** Puts a row into the playground's box. */
export function tryExample(example: AskedExample): void {
  const { playground } = useStudio.getState();
  patch('playground', { example: { ...example, id: (playground.example?.id ?? 0) + 1 } });
}

export async function cancelGenerate(): Promise<void> {
  patch('playground', { cancelled: true });
  await worker()
    .cancelGenerate()
    .catch(() => undefined);
}

function finish(requestId: number, fields: { error?: ReturnType<typeof toStudioError> }): void {
  if (useStudio.getState().playground.requestId === requestId) {
    patch('playground', { running: false, ...fields });
  }
}
