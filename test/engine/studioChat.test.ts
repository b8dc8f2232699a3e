/** @file A chat model dropped as a folder or a zip: its turns in data, training, answers and file, as the page has them. */
import { readdirSync, readFileSync } from 'node:fs';
import { unzipSync, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import type { StudioEvent } from '../../app/workers/protocol';
import { StudioService } from '../../app/workers/studio';
import { nodePlatform } from '../../tools/node/platform';

const folder = new URL('../../public/models/studio-2.6m/', import.meta.url);
const template =
  "{% for m in messages %}{% if m.role == 'assistant' %}{{ m.content + eos_token }}" +
  "{% else %}{{ '<' + m.role + '> ' + m.content + '\\n' }}{% endif %}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<answer> ' }}{% endif %}";

/** The embedded model's files, with a chat template beside them. */
function chatFiles(): Map<string, Uint8Array<ArrayBuffer>> {
  const files = new Map(
    readdirSync(folder).map((name) => [name, new Uint8Array(readFileSync(new URL(name, folder)))]),
  );
  files.set('chat_template.jinja', new TextEncoder().encode(template));
  const config = JSON.parse(new TextDecoder().decode(files.get('tokenizer_config.json')));
  delete config.chat_template;
  files.set('tokenizer_config.json', new TextEncoder().encode(JSON.stringify(config)));
  return files;
}

const rows = ['nice', 'dull', 'good', 'poor'].map((word, i) => `the ${word} film,${i % 2 ? 'bad' : 'good'}`);
const csv = new File([`input,target\n${rows.join('\n')}\n`], 'tiny.csv');

async function visit() {
  const events: StudioEvent[] = [];
  const studio = new StudioService(nodePlatform);
  await studio.open(new URL('../../public/', import.meta.url).href, (event) => events.push(event), 'wasm');
  return { studio, events };
}

describe('a chat model', () => {
  it('dropped as files puts its turns around examples, and into answers and the prompt file', async () => {
    const { studio, events } = await visit();
    const files = [...chatFiles()].map(([name, bytes]) => new File([bytes], name));
    expect(await studio.loadModel({ kind: 'files', files })).toMatchObject({ chat: true, revision: null });

    const data = await studio.openDataset([csv]);
    expect(data.options.chat).toBe(true);
    const [{ tokens }] = data.preview;
    const text = (label: boolean) =>
      tokens
        .filter((token) => token.label === label)
        .map((token) => token.text)
        .join('')
        .replaceAll('·', ' ');
    expect(text(false)).toMatch(/^<user> the \w+ film\n?.*<answer> ?$/s);
    expect(text(true)).toMatch(/^ ?(good|bad)<\|endoftext\|>$/);

    const withSystem = await studio.setDataOptions({ ...data.options, systemText: 'Judge.' });
    expect(withSystem.hash).not.toBe(data.hash);
    expect(withSystem.preview[0].tokens.length).toBeGreaterThan(tokens.length);

    const { settings } = await studio.suggestSettings();
    await studio.train({
      ...settings,
      search: 'none',
      steps: 2,
      batchSize: 2,
      virtualTokens: 2,
      validateEvery: 2,
    });
    await expect
      .poll(() => events.findLast((event) => event.type === 'runState')?.state.phase, { timeout: 60_000 })
      .toBe('finished');

    await studio.generate(1, {
      input: 'the fine film',
      hardPrompt: '',
      columns: ['without', 'with'],
      sampling: { maxTokens: 4, temperature: 0 },
    });
    const answered = events.flatMap((event) => (event.type === 'generated' ? [event.column] : []));
    expect(answered).toEqual(['without', 'with']);

    const zip = unzipSync((await studio.download('peft')).bytes);
    const readme = new TextDecoder().decode(zip['README.md']);
    expect(readme).toContain('apply_chat_template');
    expect(readme).toContain('Judge.');

    const bare = await studio.setDataOptions({ ...withSystem.options, chat: false });
    expect(bare.preview[0].tokens.map((token) => token.text).join('')).not.toContain('user');
  });

  it('dropped as a zip is the same', async () => {
    const { studio } = await visit();
    // Weights as they are, small files deflated: both ways in which zips hold files.
    const entries = [...chatFiles()].map(
      ([name, bytes]) =>
        [`my-chat/${name}`, [bytes, { level: name.endsWith('.safetensors') ? 0 : 6 }]] as const,
    );
    const zip = new File([zipSync(Object.fromEntries(entries) as never)], 'my-chat.zip');
    const report = await studio.loadModel({ kind: 'files', files: [zip] });
    expect(report).toMatchObject({ id: 'my-chat', chat: true, modelType: 'llama' });
  });
});
