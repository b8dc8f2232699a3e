/** @file Whatever the worker throws reaches the page in words. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { ModelError } from '../../app/model/errors';
import { toStudioError } from '../../app/workers/errors';

const thrownBy = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    return error;
  }
};
const recurse = (depth: number): number => 1 + recurse(depth + 1);

describe('what was thrown', () => {
  beforeEach(() => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each([
    ['a TypeError', thrownBy(() => (undefined as unknown as string[]).map(String))],
    ['a length that cannot be', thrownBy(() => new Array(-1))],
    ['a stack that ran out', thrownBy(() => recurse(0))],
    ['a schema', thrownBy(() => z.object({ a: z.number() }).parse({}))],
    ['broken JSON', thrownBy(() => JSON.parse('{'))],
    ['a library', new Error("Argument 'x' passed to 'matMul' must be a Tensor")],
    ['a library', new Error('unexpected EOF')],
    ['no error at all', 'oops'],
    ['a file that is gone', new DOMException('The file could not be read', 'NotReadableError')],
  ])('by %s comes as a sentence and what to do', (_, thrown) => {
    for (const kind of ['model', 'data', 'prompt', 'training', 'generation'] as const) {
      const { message, hint } = toStudioError(thrown, kind);
      expect(message).toMatch(/^[A-Z][^{}[\]]*[.]$/);
      expect(hint).toMatch(/\w/);
      expect(message).not.toMatch(/Error|undefined|Invalid|Unexpected|Argument|stack|EOF|oops/);
    }
  });

  it('on purpose keeps its words', () => {
    const error = new ModelError('truncated', 'It ends too early.', 'Download it again.');
    expect(toStudioError(error, 'data')).toEqual({
      kind: 'model',
      message: 'It ends too early.',
      hint: 'Download it again.',
    });
  });
});
