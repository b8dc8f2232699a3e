/** @file The methods there are. Adding one: a line here, a line in `names.ts`, and its file. */
import { encoder } from './encoder';
import type { Method } from './method';
import { mixture } from './mixture';
import type { MethodId } from './names';
import { prefix } from './prefix';
import { projectedPrefix } from './projectedPrefix';
import { prompt } from './prompt';
import { residual } from './residual';

export const methods: Readonly<Record<MethodId, Method>> = {
  prompt,
  residual,
  mixture,
  encoder,
  prefix,
  projectedPrefix,
};
