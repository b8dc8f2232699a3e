/** @file The reference engine against PyTorch's numbers on WebGPU, where a step of plain tfjs takes seconds on a software adapter. */
import { expect, it } from 'vitest';
import { cases, referenceEqualsPyTorch } from './goldenCases';

const chosen = cases.filter(({ name }) => ['llama-bf16-gqa-tied', 'gpt2-f32'].includes(name));

it('finds its cases', () => expect(chosen).toHaveLength(2));

referenceEqualsPyTorch('webgpu', chosen);
