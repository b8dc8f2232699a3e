/** @file The processor's engine against PyTorch's numbers: all golden cases, as one thread and as two, with fused multiply-add and without. */
import { wasmEqualsPyTorch } from './goldenCases';

wasmEqualsPyTorch({ threads: 2, simd: 'plain' });
wasmEqualsPyTorch({ threads: 1, simd: 'relaxed' });
