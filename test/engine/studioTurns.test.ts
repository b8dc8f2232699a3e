/** @file What commands at the wrong moment once did: foreign token ids, runs that hang, answers in another's form. */
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { startNodeBackend } from '../../tools/node/backend';
import { origin, RaceHouse, settings, turn } from './raceHouse';

const houses: RaceHouse[] = [];
async function open(): Promise<RaceHouse> {
  const house = await RaceHouse.open(houses.length + 1);
  houses.push(house);
  return house;
}

beforeAll(() => startNodeBackend('wasm'));
afterEach(async () => {
  for (const house of houses.splice(0)) await house.close();
});

const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('it was expected to be refused'),
    (error: { message: string }) => error.message,
  );

/** The texts that the model is asked from now on, as its tokenizer reads their ids. */
function asked({ inside }: RaceHouse): string[] {
  const { engine, tokenizer } = inside.models.get();
  const texts: string[] = [];
  const generate = engine.generate.bind(engine);
  vi.spyOn(engine, 'generate').mockImplementation((prompt, ids, options) => {
    texts.push(tokenizer.decode([...ids]));
    return generate(prompt, ids, options);
  });
  return texts;
}

describe('data and models', () => {
  it('data opened while another model loads are prepared for that model before a run', async () => {
    const house = await open();
    const { studio, inside } = house;
    await studio.loadModel(origin('small'));
    const loading = studio.loadModel(origin('other'));
    const before = await studio.openDataset([house.file('books')]);
    await loading;
    const after = await studio.dataset();
    expect(after?.hash).toBe(before.hash);
    const { tokenizer } = inside.models.get();
    const [example] = after?.preview ?? [];
    expect(example.tokens.map(({ id }) => id)).toEqual(
      [
        ...tokenizer.encode(example.input),
        ...tokenizer.encode(example.target, { specialTokens: false }),
      ].concat(tokenizer.endOfTextId ?? []),
    );
    await studio.train(settings);
    expect(inside.runs.get().data.textKey).toBe(inside.models.get().textKey);
  });

  it('data wait for a first model, and through one that cannot be loaded', async () => {
    const house = await open();
    const { studio, events } = house;
    const data = studio.openDataset([house.file('books')]);
    await house.still();
    expect(events.findLast((event) => event.type === 'dataProgress')?.phase).toBe('waiting');
    await refusal(studio.loadModel({ kind: 'url', url: 'memory:nowhere', id: 'nowhere' }));
    await studio.loadModel(origin('small'));
    expect(await data).toMatchObject({ name: 'books.csv', rows: 6 });
  });

  it('no run begins or goes on while a model loads; one that is cancelled leaves the run as it was', async () => {
    const house = await open();
    const { studio, inside } = house;
    await studio.loadModel(origin('small'));
    await studio.openDataset([house.file('books')]);
    await studio.step(settings);
    while (inside.runs.busy) await turn();
    const loading = refusal(studio.loadModel(origin('other')));
    expect(await refusal(studio.resume())).toMatch(/Another model is loading/);
    expect(await refusal(studio.train(settings))).toMatch(/Another model is loading/);
    await studio.cancelModel();
    expect(await loading).toMatch(/cancelled/);
    await studio.resume();
    expect(inside.models.get().report.id).toBe('small');
    expect(await refusal(studio.loadModel(origin('other')))).toMatch(/run is going on/);
  });
});

describe('runs', () => {
  it('go on though older ones cannot be forgotten', async () => {
    const house = await open();
    const { studio, inside } = house;
    await studio.loadModel(origin('small'));
    await studio.openDataset([house.file('books')]);
    vi.spyOn(inside.runs, 'forgetOld').mockRejectedValue(new Error('The database is closing.'));
    await studio.train(settings);
    const { trainer } = inside.runs.get();
    while (trainer.state.step < 2) await turn();
    await studio.pause();
    expect(trainer.state.phase).toBe('paused');
  });
});

describe('the playground', () => {
  const request = {
    input: 'old',
    hardPrompt: '',
    columns: ['without' as const, 'with' as const],
    sampling: { maxTokens: 1, temperature: 0 },
  };

  it('asks in the form of the prompt’s own run, whatever data are open, and says which prompt answered', async () => {
    const house = await open();
    const { studio, inside, events } = house;
    await studio.loadModel(origin('small'));
    const { options } = await studio.openDataset([house.file('books')]);
    await studio.setDataOptions({ ...options, inputTemplate: 'Q {input} A ' });
    await studio.step(settings);
    while (inside.runs.busy) await turn();
    const { options: others } = await studio.openDataset([house.file('films')]);
    await studio.setDataOptions({ ...others, inputTemplate: 'x{input}x' });
    const texts = asked(house);
    await studio.generate(1, request);
    expect(texts).toEqual(['Q old A ', 'Q old A ']);
    const answering = () => events.findLast((event) => event.type === 'answering')?.prompt;
    const told = () => events.findLast((event) => event.type === 'promptChanged')?.prompt;
    expect(answering()?.id).toBe(told()?.id);

    const file = house.promptFile((await studio.download('json')).bytes);
    await studio.step(settings);
    while (inside.runs.busy) await turn();
    await house.still();
    expect(answering()?.id).not.toBe(told()?.id);

    await studio.importPrompt([file]);
    expect(answering()?.id).not.toBe(told()?.id);
    await studio.generate(2, request);
    expect(texts.slice(2)).toEqual(['Q old A ', 'Q old A ']);
    expect(answering()).toMatchObject({ origin: 'file', id: told()?.id });
  });
});
