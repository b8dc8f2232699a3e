/** @file What is said of a run that something broke: our own words as they are, a program's never. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { diagnoseError } from '../../app/training/divergence';
import { TrainingError } from '../../app/training/errors';

describe('what is said of a run that broke', () => {
  beforeEach(() => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
  });
  afterEach(() => vi.restoreAllMocks());

  it('is our own words, with what to do', () => {
    expect(diagnoseError(new TrainingError('No rows are left.', 'Choose other options.'))).toEqual({
      message: 'No rows are left.',
      hint: 'Choose other options.',
    });
    expect(diagnoseError(new Error('The graphics device refused a training step.')).message).toBe(
      'Training broke off: The graphics device refused a training step.',
    );
    expect(console.error).not.toHaveBeenCalled();
  });

  it.each([
    new TypeError("Cannot read properties of undefined (reading 'has')"),
    new RangeError('Invalid typed array length: -1'),
    new WebAssembly.RuntimeError('memory access out of bounds'),
    new DOMException('Failed to execute mapAsync', 'OperationError'),
  ])('is never the text of %s, which goes to the console', (error) => {
    const { message, hint } = diagnoseError(error);
    expect(message).toBe('Training broke off over something that nobody foresaw.');
    expect(hint).toMatch(/last checkpoint/);
    expect(console.error).toHaveBeenCalledWith(error);
  });
});
