/** @file Evaluated before all kernels are registered, with nothing between. */
import { forgetFewKernels } from './fewKernels';

forgetFewKernels();
