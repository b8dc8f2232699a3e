/** @file An answer of the prompt is right, or is put right: either becomes an example of the next round. */
import { CheckIcon, Pencil1Icon } from '@radix-ui/react-icons';
import { Button, Text, TextField } from '@radix-ui/themes';
import { type FormEvent, useState } from 'react';
import { addCorrection } from '../../session/actions/rows';
import { useStudio } from '../../session/store';

export function Feedback() {
  const { asked, answers } = useStudio((state) => state.playground);
  const corrections = useStudio((state) => state.rows.corrections);
  const answer = answers.with;
  if (!asked || asked.input.trim() === '' || !answer?.done) return null;
  const kept = corrections.find(({ input }) => input === asked.input);
  // Another answer, another form: what was typed for the one before is not meant for it.
  return (
    <AnswerFeedback
      key={`${asked.input} ${answer.text}`}
      input={asked.input}
      said={answer.text.trim()}
      wanted={asked.wanted?.trim() ?? null}
      kept={kept?.target ?? null}
    />
  );
}

interface AnswerFeedbackProps {
  input: string;
  said: string;
  wanted: string | null;
  /** The answer that the next round has for this input already. */
  kept: string | null;
}

function AnswerFeedback({ input, said, wanted, kept }: AnswerFeedbackProps) {
  const [open, setOpen] = useState(false);
  const [right, setRight] = useState(wanted ?? said);
  const add = (event: FormEvent) => {
    event.preventDefault();
    if (right.trim() === '') return;
    addCorrection(input, right.trim());
    setOpen(false);
  };
  return (
    <div className="feedback">
      <div className="row">
        <Button
          size="1"
          variant="soft"
          color="gray"
          disabled={said === ''}
          onClick={() => addCorrection(input, said)}
        >
          <CheckIcon aria-hidden /> Right
        </Button>
        <Button size="1" variant="soft" color="gray" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Pencil1Icon aria-hidden /> Put right
        </Button>
        <Text size="1" color="gray" role="status">
          {kept !== null && `In the next round: ${kept}`}
        </Text>
      </div>
      {open && (
        <form className="row" onSubmit={add}>
          <TextField.Root
            size="1"
            aria-label="The right answer"
            value={right}
            onChange={(event) => setRight(event.target.value)}
          />
          <Button size="1" type="submit" disabled={right.trim() === ''}>
            Add
          </Button>
        </form>
      )}
    </div>
  );
}
