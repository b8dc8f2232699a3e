/** @file `npm run bench:soak -- [--steps N] [--switches N]`: memory before and after, as JSON. */
import { parseArgs } from 'node:util';
import { meterDevice } from './meter';
import { openNodeHost } from './nodeHost';
import { soakSteps, soakSwitches } from './soak';

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '500' },
    switches: { type: 'string', default: '10' },
  },
});
const { device } = await openNodeHost();
const meter = meterDevice(device);
const steps = await soakSteps(device, meter, Number(values.steps));
const switches = await soakSwitches(device, meter, Number(values.switches));
console.log(
  JSON.stringify(
    {
      steps: {
        count: steps.after.length,
        warm: steps.warm,
        middle: steps.after[steps.after.length >> 1],
        last: steps.after.at(-1),
        planBytes: steps.planBytes,
      },
      switches,
    },
    null,
    2,
  ),
);
device.destroy();
