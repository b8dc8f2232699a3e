/** @file Matches a pattern step by step and stops where it takes too many: for those that JavaScript might try for ever. */

import { folded } from './regexFold';
import { type Pattern, PatternError } from './regexTree';
import { LONE_WORD, pattern } from './unicode';

/** Steps that one search may take, for each character and besides. */
const STEPS_PER_CHARACTER = 500;
const STEPS = 200_000;
const MOST_DEPTH = 2000;
const TOO_LONG = 'matching takes too long on a text';

interface State {
  text: string;
  steps: number;
  depth: number;
  captures: ([number, number] | undefined)[];
}

/** Goes on from a place; false where nothing more fits. */
type Next = (at: number) => boolean;
type Match = (state: State, at: number, next: Next) => boolean;

/** Finds as `compilePattern` does. @throws PatternError from the search, where it takes too long. */
export function matcher(tree: Pattern): (text: string, from: number) => [number, number] | null {
  const match = build(tree);
  return (text, from) => {
    const state: State = {
      text,
      steps: STEPS + STEPS_PER_CHARACTER * (text.length - from),
      depth: 0,
      captures: [],
    };
    try {
      return search(match, state, from);
    } catch (error) {
      if (error instanceof RangeError) throw new PatternError(TOO_LONG);
      throw error;
    }
  };
}

function search(match: Match, state: State, from: number): [number, number] | null {
  const { text } = state;
  for (let start = from; start <= text.length; start = after(text, start)) {
    let end = -1;
    state.captures = [];
    const found = match(state, start, (at) => {
      end = at;
      return true;
    });
    if (found) return [start, end];
  }
  return null;
}

function after(text: string, at: number): number {
  return at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);
}

function before(text: string, at: number): number {
  const low = text.charCodeAt(at - 1);
  const high = text.charCodeAt(at - 2);
  return at - (low >= 0xdc00 && low < 0xe000 && high >= 0xd800 && high < 0xdc00 ? 2 : 1);
}

function step(state: State): void {
  if (--state.steps < 0) throw new PatternError(TOO_LONG);
}

function build(tree: Pattern): Match {
  switch (tree.kind) {
    case 'class': {
      const test = pattern(`^${tree.fold ? folded(tree.source) : tree.source}$`);
      return (state, at, next) => {
        step(state);
        if (at >= state.text.length) return false;
        const end = after(state.text, at);
        return test.test(state.text.slice(at, end)) && next(end);
      };
    }
    case 'sequence':
      return tree.parts.map(build).reduceRight<Match>(
        (rest, part) => (state, at, next) => part(state, at, (end) => rest(state, end, next)),
        (_, at, next) => next(at),
      );
    case 'choice': {
      const options = tree.options.map(build);
      return (state, at, next) => options.some((option) => option(state, at, next));
    }
    case 'repeat': {
      const { least, most, mode } = tree;
      const repeat = repeated(build(tree.of), least, most, mode === 'lazy');
      return mode === 'possessive' ? atomic(repeat) : repeat;
    }
    case 'atomic':
      return atomic(build(tree.of));
    case 'look': {
      const of = build(tree.of);
      return (state, at, next) => {
        const holds = tree.behind ? matchesBefore(of, state, at) : of(state, at, () => true);
        return holds !== tree.negated && next(at);
      };
    }
    case 'capture': {
      const of = build(tree.of);
      return (state, at, next) =>
        of(state, at, (end) => {
          const old = state.captures[tree.index];
          state.captures[tree.index] = [at, end];
          if (next(end)) return true;
          state.captures[tree.index] = old;
          return false;
        });
    }
    case 'reference':
      return (state, at, next) => {
        const captured = state.captures[tree.index];
        if (!captured) return false;
        const text = state.text.slice(...captured);
        state.steps -= text.length;
        step(state);
        return state.text.startsWith(text, at) && next(at + text.length);
      };
    case 'edge':
      return (state, at, next) => {
        step(state);
        return isEdge(tree.at, state.text, at) && next(at);
      };
  }
}

function repeated(of: Match, least: number, most: number, lazy: boolean): Match {
  const from =
    (count: number): Match =>
    (state, at, next) => {
      step(state);
      if (++state.depth > MOST_DEPTH) throw new PatternError(TOO_LONG);
      const more = () =>
        count < most &&
        of(state, at, (end) => (end > at || count < least) && from(count + 1)(state, end, next));
      const done = () => count >= least && next(at);
      const found = lazy ? done() || more() : more() || done();
      state.depth--;
      return found;
    };
  return from(0);
}

function atomic(of: Match): Match {
  return (state, at, next) => {
    let end = -1;
    const found = of(state, at, (reached) => {
      end = reached;
      return true;
    });
    return found && next(end);
  };
}

/** Whether something that ends at a place matches. */
function matchesBefore(of: Match, state: State, at: number): boolean {
  for (let start = at; ; start = before(state.text, start)) {
    step(state);
    if (of(state, start, (end) => end === at)) return true;
    if (start === 0) return false;
  }
}

const word = pattern(`^${LONE_WORD}$`);

function isEdge(edge: Extract<Pattern, { kind: 'edge' }>['at'], text: string, at: number): boolean {
  const isWord = (from: number, to: number) =>
    from >= 0 && to <= text.length && word.test(text.slice(from, to));
  const atWord = () => isWord(before(text, at), at) !== (at < text.length && isWord(at, after(text, at)));
  switch (edge) {
    case 'textStart':
      return at === 0;
    case 'textEnd':
      return at === text.length;
    case 'lastLine':
      return at === text.length || (at === text.length - 1 && text[at] === '\n');
    case 'lineStart':
      return at === 0 || (text[at - 1] === '\n' && at < text.length);
    case 'lineEnd':
      return at === text.length || text[at] === '\n';
    case 'word':
      return atWord();
    case 'noWord':
      return !atWord();
  }
}
