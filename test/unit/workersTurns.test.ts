/** @file One command at a time: turns, the work beside them, and commands of which the newest counts. */
import { describe, expect, it } from 'vitest';
import { formOfCard } from '../../app/workers/inputForm';
import { Newest, SideWork, Turns } from '../../app/workers/turns';

/** A promise that is settled from outside. */
function gate() {
  let open: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('turns', () => {
  it('follow one another in the order in which they were asked for, however long each takes', async () => {
    const turns = new Turns();
    const said: string[] = [];
    const slow = gate();
    const first = turns.take(async () => {
      said.push('first begins');
      await slow.promise;
      said.push('first ends');
    });
    const second = turns.take(() => said.push('second'));
    await turn();
    expect(said).toEqual(['first begins']);
    slow.open();
    await Promise.all([first, second]);
    expect(said).toEqual(['first begins', 'first ends', 'second']);
  });

  it('go on after one that failed, whose failure is its own', async () => {
    const turns = new Turns();
    const failed = turns.take(() => Promise.reject(new Error('no')));
    const next = turns.take(() => 7);
    await expect(failed).rejects.toThrow('no');
    expect(await next).toBe(7);
  });
});

describe('work beside the turns', () => {
  /** Work that lets go of what it holds some time after it is told to end. */
  function holding() {
    const letGo = gate();
    const held = { now: 0, most: 0 };
    const begin = async (signal: AbortSignal) => {
      held.now += 1;
      held.most = Math.max(held.most, held.now);
      return async () => {
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        await letGo.promise;
        held.now -= 1;
        return 'ended';
      };
    };
    return { letGo, held, begin };
  }

  it('does not hold up the turns after it', async () => {
    const turns = new Turns();
    const work = new SideWork(turns);
    const { begin, letGo } = holding();
    const answer = work.run(begin);
    expect(await turns.take(() => 'next')).toBe('next');
    letGo.open();
    await work.cancel();
    expect(await answer).toBe('ended');
  });

  it('has let go of everything when cancelling it is over, and when a turn has ended it', async () => {
    for (const way of ['cancel', 'end'] as const) {
      const turns = new Turns();
      const work = new SideWork(turns);
      const { begin, held, letGo } = holding();
      void work.run(begin);
      await turns.take(() => undefined);
      let over = false;
      const ending = (way === 'cancel' ? work.cancel() : turns.take(() => work.end())).then(() => {
        over = true;
      });
      await turn();
      expect([over, held.now]).toEqual([false, 1]);
      letGo.open();
      await ending;
      expect(held.now).toBe(0);
    }
  });

  it('is never two pieces at once, though a turn ends what somebody has cancelled already', async () => {
    const turns = new Turns();
    const work = new SideWork(turns);
    const { begin, held, letGo } = holding();
    const first = work.run(begin);
    await turns.take(() => undefined);
    const cancelled = work.cancel();
    const second = work.run(begin);
    await turn();
    expect(held.now).toBe(1);
    letGo.open();
    await Promise.all([first, cancelled]);
    await turns.take(() => undefined);
    expect(held).toEqual({ now: 1, most: 1 });
    await work.cancel();
    expect(await second).toBe('ended');
  });

  it('does not begin when it was cancelled, or another was asked for, before its turn', async () => {
    const turns = new Turns();
    const work = new SideWork(turns);
    const before = gate();
    void turns.take(() => before.promise);
    const begun: string[] = [];
    const ask = (name: string) =>
      work.run(async () => {
        begun.push(name);
        return async () => name;
      });
    const overtaken = ask('first');
    const cancelled = ask('second');
    await work.cancel();
    const third = ask('third');
    before.open();
    expect(await Promise.all([overtaken, cancelled, third])).toEqual([null, null, 'third']);
    expect(begun).toEqual(['third']);
  });
});

describe('a command of which the newest counts', () => {
  it('ends the one before with a reason, and can be cancelled with another', () => {
    const newest = new Newest();
    const first = newest.begin(new Error('overtaken'));
    const second = newest.begin(new Error('overtaken'));
    expect([first.aborted, second.aborted]).toEqual([true, false]);
    expect(() => first.throwIfAborted()).toThrow('overtaken');
    newest.cancel(new Error('cancelled'));
    expect(() => second.throwIfAborted()).toThrow('cancelled');
  });
});

describe('the form of a prompt file’s inputs', () => {
  const form = (card: Record<string, string>) => {
    const { form, readable } = formOfCard(card);
    return [form.fill('hello'), form.systemText, readable];
  };

  it.each([
    ['its template', { inputTemplate: 'Review: {text}\n', chat: 'false' }, ['Review: hello\n', null, true]],
    [
      'braces that stand for themselves',
      { inputTemplate: '{{a}} {text}', chat: 'false' },
      ['{a} hello', null, true],
    ],
    ['a column used twice', { inputTemplate: '{a}, {a}', chat: 'false' }, ['hello, hello', null, true]],
    [
      'the input alone for several columns',
      { inputTemplate: '{a} and {b}', chat: 'false' },
      ['hello', null, true],
    ],
    [
      'the input alone for a template that is none',
      { inputTemplate: 'a } b', chat: 'false' },
      ['hello', null, false],
    ],
    [
      'its system text',
      { inputTemplate: '{a}', chat: 'true', systemText: 'Judge.' },
      ['hello', 'Judge.', true],
    ],
    ['the model’s own chat where it says nothing', {}, ['hello', '', true]],
  ])('is %s', (_what, card, expected) => {
    expect(form(card as Record<string, string>)).toEqual(expected);
  });
});
