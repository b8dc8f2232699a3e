/** @file The best prompts of a search asked as one, and whether that is worth more than the run's own. */
import { Button, Text } from '@radix-ui/themes';
import { askTogether } from '../../session/actions/rows';
import { useStudio } from '../../session/store';
import { togetherWords } from '../../session/verdictWords';
import { RowWorkLine } from '../verdict/RowWorkLine';

interface TogetherProps {
  runId: string;
  /** Validated prompts there are. */
  prompts: number;
  resting: boolean;
}

export function Together({ runId, prompts, resting }: TogetherProps) {
  const rows = useStudio((state) => state.rows);
  const found = rows.together?.runId === runId ? rows.together : null;
  const why = prompts < 2 ? 'Once two prompts are validated.' : resting ? null : 'Once the run rests.';
  return (
    <div className="together">
      <RowWorkLine kind="together" why={why}>
        <Button
          size="1"
          variant="soft"
          disabled={why !== null || rows.busy !== null}
          onClick={() => void askTogether()}
        >
          Ask the best together
        </Button>
      </RowWorkLine>
      {found && (
        <Text as="p" size="2" role="status">
          {togetherWords(found)}
        </Text>
      )}
    </div>
  );
}
