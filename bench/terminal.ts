/** @file Progress on stderr, with a sign of life where one step takes long. */
import type { Progress } from './report';

const SILENCE = 15_000;

/** Writes each progress on a line of its own. Call `end` when done: a timer runs. */
export function narrate(): { say(progress: Progress): void; end(): void } {
  let last = 'starting';
  let since = performance.now();
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - since) / 1000);
    if (seconds * 1000 >= SILENCE - 500) console.error(`  … ${seconds} s since “${last}”`);
  }, SILENCE);
  return {
    say({ text, done, of }) {
      since = performance.now();
      last = text;
      // Many quick steps are one line.
      if (of <= 20 || done === of) console.error(of > 20 ? `${text}: ${of} steps` : text);
    },
    end: () => clearInterval(timer),
  };
}
