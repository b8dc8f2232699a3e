/** @file All of tfjs's cpu kernels and all gradients: what the reference engine takes. The order matters. */
import './makeRoom';
import '@tensorflow/tfjs-backend-cpu/dist/register_all_kernels.js';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
