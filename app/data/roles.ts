/** @file Who speaks: the names that files give the speakers of a conversation, and what they are to a chat template. */
import { normalName } from './columnNames';
import type { Role } from './types';

const NAMES: Record<Role, readonly string[]> = {
  system: ['system', 'developer', 'systemprompt', 'systemmessage', 'systeminstruction'],
  user: [
    'user',
    'human',
    'prompter',
    'customer',
    'client',
    'question',
    'instruction',
    'prompt',
    'input',
    'q',
    'usr',
  ],
  assistant: [
    'assistant',
    'gpt',
    'model',
    'bot',
    'ai',
    'chatbot',
    'chatgpt',
    'gpt4',
    'claude',
    'bard',
    'bing',
    'agent',
    'answer',
    'response',
    'completion',
    'output',
    'reply',
    'chosen',
    'functioncall',
    'toolcall',
    'a',
  ],
  tool: ['tool', 'function', 'observation', 'ipython', 'functionresponse', 'toolresponse', 'environment'],
};

const ROLES = new Map(
  (Object.entries(NAMES) as [Role, readonly string[]][]).flatMap(([role, names]) =>
    names.map((name) => [name, role] as const),
  ),
);

/** The role that a name is known for, null for any other. */
export function roleOf(name: string): Role | null {
  return ROLES.get(normalName(name)) ?? null;
}

/** A conversation's speakers in the order in which they speak, by the names that the file has. */
export type Speakers = readonly { name: string }[];

export interface Casting {
  /** @param speakers of the whole conversation that the turn stands in */
  role(name: string, speakers: Speakers): Role | null;
  /** Who was taken for whom without being called so; null where names are as known. */
  note: string | null;
}

/**
 * Gives the speakers of all conversations their roles. Where nobody is known as the assistant, and every conversation
 * has two speakers, the one who speaks first is the user and the other the assistant.
 */
export function castSpeakers(conversations: readonly Speakers[]): Casting {
  const names = new Map<string, number>();
  let mostSpeakers = 0;
  for (const turns of conversations) {
    const present = new Set(turns.map(({ name }) => name));
    mostSpeakers = Math.max(mostSpeakers, present.size);
    for (const name of present) names.set(name, (names.get(name) ?? 0) + 1);
  }
  const known = [...names.keys()].map((name) => [name, roleOf(name)] as const);
  const unknown = known.filter(([, role]) => role === null).map(([name]) => name);
  const has = (role: Role) => known.some(([, found]) => found === role);
  const plain: Casting = { role: (name) => roleOf(name), note: null };
  if (has('assistant') && has('user')) return plain;

  if (unknown.length === 1 && has('assistant') !== has('user')) {
    const role: Role = has('assistant') ? 'user' : 'assistant';
    return {
      role: (name) => roleOf(name) ?? role,
      note: `“${unknown[0]}” is taken for the ${role}.`,
    };
  }
  if (has('assistant')) return plain;
  // A service that calls itself the system, and speaks after the user.
  const system = known.find(([, role]) => role === 'system')?.[0];
  if (system !== undefined && has('user') && unknown.length === 0) {
    const answers = conversations.some((turns) => turns.findIndex(({ name }) => name === system) > 0);
    if (!answers) return plain;
    return {
      role: (name) => (name === system ? 'assistant' : roleOf(name)),
      note: `“${system}” speaks after the user, so it is taken for the assistant.`,
    };
  }
  if (mostSpeakers !== 2 || has('user')) return plain;
  const [first, second] = [
    ...new Set(conversations.find((turns) => turns.length > 1)?.map(({ name }) => name)),
  ];
  if (names.size === 2) {
    return {
      role: (name) => (name === first ? 'user' : 'assistant'),
      note: `“${first}”, who speaks first, is taken for the user and “${second}” for the assistant.`,
    };
  }
  return {
    role: (name, speakers) => (name === speakers[0].name ? 'user' : 'assistant'),
    note: 'Who speaks first in a conversation is taken for the user, the other one for the assistant.',
  };
}
