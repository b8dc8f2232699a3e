/** @file What asks about many rows: its button, its progress, a way to end it, and what went wrong. */
import { Button, Text } from '@radix-ui/themes';
import type { ReactNode } from 'react';
import { cancelRowWork } from '../../session/actions/rows';
import { count } from '../../session/format';
import type { RowJob } from '../../session/state';
import { useStudio } from '../../session/store';
import { ErrorNote } from '../ui/ErrorNote';

interface RowWorkProps {
  kind: RowJob;
  /** Why it cannot begin now. */
  why: string | null;
  children: ReactNode;
}

export function RowWorkLine({ kind, why, children }: RowWorkProps) {
  const rows = useStudio((state) => state.rows);
  const busy = rows.busy === kind;
  const { progress, error } = rows;
  return (
    <div className="row row-work">
      {children}
      {busy && (
        <Button size="1" variant="soft" color="gray" onClick={() => void cancelRowWork()}>
          Cancel
        </Button>
      )}
      <Text size="1" color="gray" className="numbers" role="status">
        {busy ? (progress ? `${count(progress.done)} of ${count(progress.total)} rows` : 'beginning…') : why}
      </Text>
      {error?.kind === kind && <ErrorNote error={error.error} />}
    </div>
  );
}
