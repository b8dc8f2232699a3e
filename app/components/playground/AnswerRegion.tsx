/** @file One answer as it comes. */
import { CheckIcon, Cross2Icon } from '@radix-ui/react-icons';
import { Text } from '@radix-ui/themes';
import { type ReactNode, useId } from 'react';
import { short } from '../../session/format';
import type { Answer } from '../../session/state';

interface AnswerRegionProps {
  label: string;
  /** Which prompt answers. */
  note?: string;
  /** The answer is not that of the prompt in use any more. */
  outdated?: boolean;
  answer: Answer | undefined;
  /** The right answer, where it is known. */
  wanted?: string | null;
  waiting: boolean;
  /** Why there will be none. */
  absent?: string;
  /** Below the answer. */
  children?: ReactNode;
}

export function AnswerRegion(props: AnswerRegionProps) {
  const { label, note, outdated = false, answer, wanted = null, waiting, absent, children } = props;
  const right = answer?.done && wanted !== null ? answer.text.trim() === wanted.trim() : null;
  const id = useId();
  return (
    <section className="answer" aria-labelledby={id} aria-busy={waiting && !answer?.done}>
      <div className="answer-head">
        <Text as="span" size="1" weight="medium" id={id}>
          {label}
        </Text>
        <Text size="1" color="gray" className="numbers">
          {right !== null && (
            <span className={`said ${right ? 'said-right' : 'said-wrong'}`}>
              {right ? <CheckIcon aria-hidden /> : <Cross2Icon aria-hidden />}
              {right ? 'as wanted' : 'not as wanted'}
            </span>
          )}{' '}
          {answer ? speed(answer) : null}
        </Text>
      </div>
      {note && (
        <Text
          as="p"
          size="1"
          color={answer && outdated ? 'amber' : 'gray'}
          highContrast={outdated}
          className="breakable"
        >
          {answer && outdated ? `Answered by an earlier prompt: ${note}` : note}
        </Text>
      )}
      <div className={`answer-text ${outdated ? 'is-outdated' : ''}`}>{content(answer, waiting, absent)}</div>
      {children}
    </section>
  );
}

function content(answer: Answer | undefined, waiting: boolean, absent: string | undefined) {
  if (answer && answer.text !== '') return answer.text;
  if (answer?.done) return <span className="answer-quiet">(ended at once, without a word)</span>;
  if (waiting) return <span className="answer-quiet">…</span>;
  return <span className="answer-quiet">{absent ?? 'The answer comes here.'}</span>;
}

function speed(answer: Answer): string {
  const words = `${answer.tokens} ${answer.tokens === 1 ? 'token' : 'tokens'}`;
  if (!answer.done || answer.milliseconds <= 0) return words;
  return `${words} · ${short((answer.tokens / answer.milliseconds) * 1000)} / s`;
}
