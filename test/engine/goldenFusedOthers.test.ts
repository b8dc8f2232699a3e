/** @file The fused engine against PyTorch's numbers: the golden cases that are neither Gemma's nor a GPT's. */
import { fusedEqualsPyTorch, isGemmaOrGpt } from './goldenCases';

fusedEqualsPyTorch((folder) => !isGemmaOrGpt(folder));
