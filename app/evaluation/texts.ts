/**
 * @file How near a written answer is to the wanted one: token F1 (as SQuAD counts it), chrF (Popović 2015, as sacreBLEU
 * counts it) and ROUGE-L (Lin 2004, as rouge-score counts it). All are between 0 and 1.
 */

/** Whether two texts are the same but for white space at their ends. */
export function sameText(answer: string, target: string): boolean {
  return answer.trim() === target.trim();
}

const ARTICLES = new Set(['a', 'an', 'the']);

/** Words for token F1: lower case, without ASCII punctuation and English articles. */
function answerWords(text: string): string[] {
  const bare = text.toLowerCase().replace(/[!-/:-@[-`{-~]/g, '');
  return bare.split(/\s+/u).filter((word) => word !== '' && !ARTICLES.has(word));
}

/** Harmonic mean of how much of the answer is in the target and how much of the target is in the answer, by words. */
export function tokenF1(answer: string, target: string): number {
  const said = answerWords(answer);
  const wanted = answerWords(target);
  if (said.length === 0 || wanted.length === 0) return said.length === wanted.length ? 1 : 0;
  return harmonic(overlap(countEach(said), countEach(wanted)), said.length, wanted.length);
}

/** Words for ROUGE: letters and digits of any script in lower case. */
function rougeWords(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
}

/** F-measure of the longest common subsequence of words. */
export function rougeL(answer: string, target: string): number {
  const said = rougeWords(answer);
  const wanted = rougeWords(target);
  if (said.length === 0 || wanted.length === 0) return 0;
  return harmonic(commonSubsequence(said, wanted), said.length, wanted.length);
}

/** Longest character n-grams that chrF counts, and how much more recall weighs than precision. */
const CHRF_ORDER = 6;
const CHRF_BETA = 2;

/** For each n from 1: n-grams of the answer, of the target, and in both. */
type NgramCounts = { said: number; wanted: number; both: number }[];

/** chrF2 of one answer. */
export function chrF(answer: string, target: string): number {
  return chrFOf(ngramCounts(answer, target));
}

/** chrF2 of all answers taken together, as one text: counts are added up, not scores. */
export function corpusChrF(pairs: readonly { answer: string; target: string }[]): number {
  const total: NgramCounts = Array.from({ length: CHRF_ORDER }, () => ({ said: 0, wanted: 0, both: 0 }));
  for (const { answer, target } of pairs) {
    ngramCounts(answer, target).forEach((counts, n) => {
      total[n].said += counts.said;
      total[n].wanted += counts.wanted;
      total[n].both += counts.both;
    });
  }
  return chrFOf(total);
}

function chrFOf(counts: NgramCounts): number {
  // Orders that neither or only one of the texts is long enough for do not count.
  const used = counts.filter(({ said, wanted }) => said > 0 && wanted > 0);
  if (used.length === 0) return 0;
  const precision = used.reduce((sum, { both, said }) => sum + both / said, 0) / used.length;
  const recall = used.reduce((sum, { both, wanted }) => sum + both / wanted, 0) / used.length;
  if (precision + recall === 0) return 0;
  const beta = CHRF_BETA ** 2;
  return ((1 + beta) * precision * recall) / (beta * precision + recall);
}

function ngramCounts(answer: string, target: string): NgramCounts {
  const said = Array.from(answer.replace(/\s+/gu, ''));
  const wanted = Array.from(target.replace(/\s+/gu, ''));
  return Array.from({ length: CHRF_ORDER }, (_, i) => {
    const ofAnswer = ngrams(said, i + 1);
    const ofTarget = ngrams(wanted, i + 1);
    const inTarget = Math.max(0, wanted.length - i);
    return {
      // Where the target is too short for an order, the answer's n-grams of that order do not count, either.
      said: inTarget > 0 ? Math.max(0, said.length - i) : 0,
      wanted: inTarget,
      both: overlap(ofAnswer, ofTarget),
    };
  });
}

function ngrams(characters: readonly string[], n: number): Map<string, number> {
  const grams: string[] = [];
  for (let i = 0; i + n <= characters.length; i++) grams.push(characters.slice(i, i + n).join(''));
  return countEach(grams);
}

function countEach(items: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/** Items in both, as often as in the one that has fewer. */
function overlap(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  let both = 0;
  for (const [item, count] of a) both += Math.min(count, b.get(item) ?? 0);
  return both;
}

function harmonic(both: number, said: number, wanted: number): number {
  return both === 0 ? 0 : (2 * both) / (said + wanted);
}

/** Length of the longest common subsequence: time a · b, memory b. */
function commonSubsequence(a: readonly string[], b: readonly string[]): number {
  let before = new Uint32Array(b.length + 1);
  for (const word of a) {
    const now = new Uint32Array(b.length + 1);
    for (let j = 0; j < b.length; j++) {
      now[j + 1] = word === b[j] ? before[j] + 1 : Math.max(before[j + 1], now[j]);
    }
    before = now;
  }
  return before[b.length];
}
