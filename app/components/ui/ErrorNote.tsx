/** @file An error where it happened: what, what to do, and a way on. */
import { Cross2Icon, ExclamationTriangleIcon } from '@radix-ui/react-icons';
import { IconButton } from '@radix-ui/themes';
import type { ReactNode } from 'react';
import type { StudioError } from '../../workers/protocol';

interface ErrorNoteProps {
  error: StudioError;
  /** Buttons: retry, choose another. */
  children?: ReactNode;
  onDismiss?: () => void;
}

export function ErrorNote({ error, children, onDismiss }: ErrorNoteProps) {
  return (
    <div className="note note-error" role="alert">
      <ExclamationTriangleIcon aria-label="Error" className="note-mark" />
      <div className="note-body">
        <p className="note-message">{error.message}</p>
        {error.hint && <p>{error.hint}</p>}
        {children && <div className="note-actions">{children}</div>}
      </div>
      {onDismiss && <Dismiss onDismiss={onDismiss} />}
    </div>
  );
}

function Dismiss({ onDismiss }: { onDismiss: () => void }) {
  return (
    <IconButton size="1" variant="ghost" color="gray" aria-label="Dismiss this message" onClick={onDismiss}>
      <Cross2Icon />
    </IconButton>
  );
}

interface NoteProps {
  children: ReactNode;
  tone?: 'info' | 'warning';
  /** Spoken when it appears. */
  live?: boolean;
  onDismiss?: () => void;
}

/** A calm remark. */
export function Note({ children, tone = 'info', live = false, onDismiss }: NoteProps) {
  return (
    <div className={`note note-${tone}`} role={live ? 'status' : undefined}>
      {tone === 'warning' && <ExclamationTriangleIcon aria-label="Warning" className="note-mark" />}
      <div className="note-body">{children}</div>
      {onDismiss && <Dismiss onDismiss={onDismiss} />}
    </div>
  );
}
