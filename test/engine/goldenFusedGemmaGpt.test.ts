/** @file The fused engine against PyTorch's numbers: the golden cases of Gemma and the GPTs. */
import { fusedEqualsPyTorch, isGemmaOrGpt } from './goldenCases';

fusedEqualsPyTorch(isGemmaOrGpt);
