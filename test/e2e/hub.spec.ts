/** @file Models from a Hub in a real browser with its private file system: kept, resumed, read without a network. */
import { arrival, back, expect, load, MIB, publish, test } from './hubPage';

test('a model of the Hub is kept as it comes, goes on after a cut, and needs no network afterwards', async ({
  studio,
  hub,
  context,
}) => {
  const id = 'someone/small-llama';
  const files = publish(hub, id, { vocab: 32768, hidden: 256, layers: 2, mlp: 512, shards: 3 });
  const size = [...files.values()].reduce((sum, file) => sum + file.size, 0);
  hub.troubles.cutAfter = 10 * MIB;
  await studio.loadModel(id);
  await expect(studio.panel('Model').getByRole('alert')).toContainText('broke off after', arrival);

  hub.reset();
  await load(studio, id);
  expect(hub.cdnBytes).toBeGreaterThan(0);
  expect(hub.cdnBytes).toBeLessThan(size - 9 * MIB);
  await back(studio);

  hub.reset();
  await load(studio, id);
  expect(hub.requests.filter(({ method }) => method !== 'OPTIONS').map(({ path }) => path)).toEqual([
    `/api/models/${id}/revision/main?blobs=true`,
  ]);
  await back(studio);

  await context.setOffline(true);
  await load(studio, id);
});
