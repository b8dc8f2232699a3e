/** @file Changes to the text of a chat template: other words of the language, loops and repetitions without end. */
import type { Mutator } from './bytes';
import { pick } from './json';

/** Each takes a reader to its limits, which takes a second: a few of them are enough. */
const endless = [
  '{% for i in range(1000000000) %}x{% endfor %}',
  '{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}',
  '{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}',
  "{{ 'x' * 1000000000 }}",
  "{% set ns = namespace(s='x') %}{% for i in range(64) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
];

const pieces = [
  '{{ messages | tojson(indent=1000000) }}',
  '{{ messages.__proto__ }}',
  "{{ messages['constructor'] }}",
  '{{ undefined.x.y }}',
  '{% endif %}',
  '{% if %}',
  '{{',
  '}}',
  '{%- raw %}',
  '{# ',
  '((((((((((((((((',
  '{{ raise_exception(1) }}',
  "{{ strftime_now('%Y'*99) }}",
  '{{ -1 // 0 }}{{ 1 % 0 }}',
  '{{ messages[99].content.split() }}',
  "{{ 'a'.replace('', 'b') }}",
];

export const templateMutator: Mutator = (bytes, random) => {
  const piece = pick(random.int(25) === 0 ? endless : pieces, random);
  const text = new TextDecoder().decode(bytes);
  const at = random.int(text.length + 1);
  const variants = [
    () => text.slice(0, at) + piece + text.slice(at),
    () => piece + text,
    () =>
      text.replaceAll(pick(['messages', 'message', 'role', 'content', 'loop', 'if', '=='], random), () =>
        pick(['undefined', '1', "''", 'none', 'range', '<', 'messages'], random),
      ),
    () => `${'{% if true %}'.repeat(2000)}x${'{% endif %}'.repeat(2000)}`,
    () => `{{ ${'('.repeat(5000)}1${')'.repeat(5000)} }}`,
  ];
  return new TextEncoder().encode(pick(variants, random)());
};
