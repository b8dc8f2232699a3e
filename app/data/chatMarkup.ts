/** @file Conversations written as one text with a model's own marks around the turns, as training scripts leave them. */
import { roleOf } from './roles';

/** A turn as the marks have it. */
export interface MarkedTurn {
  name: string;
  text: string;
}

/** How a family of models marks turns. */
interface Markup {
  /** Begins a turn; its group is the speaker. */
  begin: RegExp;
  /** Ends one. */
  end: RegExp;
}

const SPEAKER = '([A-Za-z_]{2,20})';
const markups: readonly Markup[] = [
  // ChatML: Qwen, SmolLM2, Hermes, …
  { begin: new RegExp(`<\\|im_start\\|>${SPEAKER}\\n?`, 'g'), end: /<\|im_end\|>\s*$/ },
  // Llama 3
  {
    begin: new RegExp(`<\\|start_header_id\\|>${SPEAKER}<\\|end_header_id\\|>\\n*`, 'g'),
    end: /(<\|(eot_id|eom_id|end_of_text)\|>\s*)+$/,
  },
  // Gemma
  { begin: new RegExp(`<start_of_turn>${SPEAKER}\\n?`, 'g'), end: /<end_of_turn>\s*(<eos>)?\s*$/ },
  // Zephyr, TinyLlama, Phi-3
  {
    begin: /<\|(system|user|assistant)\|>\n?/g,
    end: /(<\/s>|<\|end\|>|<\|endoftext\|>|\s)+$/,
  },
];

/** What may stand before the first mark. */
const BEFORE = /^\s*(<s>|<bos>|<\|begin_of_text\|>|<\|endoftext\|>)?\s*$/;

/** The turns of a text in one of the markups, user and assistant among them; null of any other text. */
export function readMarkup(text: string): MarkedTurn[] | null {
  if (text.includes('[INST]')) return readInstructions(text);
  for (const markup of markups) {
    const turns = text.includes('<') ? readMarked(text, markup) : null;
    if (turns) return turns;
  }
  return null;
}

function readMarked(text: string, { begin, end }: Markup): MarkedTurn[] | null {
  const marks = [...text.matchAll(begin)];
  if (marks.length === 0 || !BEFORE.test(text.slice(0, marks[0].index))) return null;
  const turns = marks.map((mark, i) => {
    const words = text.slice(mark.index + mark[0].length, marks[i + 1]?.index);
    return { name: mark[1], text: words.replace(end, '').trim() };
  });
  return conversation(turns);
}

/** Llama 2 and Mistral: `<s>[INST] <<SYS>> … <</SYS>> question [/INST] answer </s>`. */
function readInstructions(text: string): MarkedTurn[] | null {
  const [before, ...exchanges] = text.split('[INST]');
  if (!BEFORE.test(before)) return null;
  const turns: MarkedTurn[] = [];
  for (const exchange of exchanges) {
    const [asked, answer, ...more] = exchange.split('[/INST]');
    if (answer === undefined || more.length > 0) return null;
    const system = /^\s*<<SYS>>([\s\S]*?)<<\/SYS>>/.exec(asked);
    if (system) turns.push({ name: 'system', text: system[1].trim() });
    turns.push({ name: 'user', text: asked.slice(system?.[0].length ?? 0).trim() });
    turns.push({ name: 'assistant', text: answer.replace(/(<\/?s>|\s)+$/, '').trim() });
  }
  return conversation(turns);
}

function conversation(turns: MarkedTurn[]): MarkedTurn[] | null {
  // The start of an answer that a model was to write.
  if (turns.at(-1)?.text === '') turns.pop();
  const roles = turns.map(({ name }) => roleOf(name));
  const known = roles.includes('user') && roles.includes('assistant') && !roles.includes(null);
  return known ? turns : null;
}
