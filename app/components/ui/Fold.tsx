/** @file Something that can be folded away, natively: found by search in the page, opened by keyboard. */
import { ChevronRightIcon } from '@radix-ui/react-icons';
import { type ReactNode, useState } from 'react';

interface FoldProps {
  title: ReactNode;
  /** Beside the title, open or not. */
  aside?: ReactNode;
  startOpen?: boolean;
  /** Each time it is opened. */
  onOpen?: () => void;
  children: ReactNode;
}

/** Content is built once it is first opened, and then stays: what was typed is not lost. */
export function Fold({ title, aside, startOpen = false, onOpen, children }: FoldProps) {
  const [seen, setSeen] = useState(startOpen);
  return (
    <details
      className="fold"
      open={startOpen || undefined}
      onToggle={(event) => {
        if (!event.currentTarget.open) return;
        setSeen(true);
        onOpen?.();
      }}
    >
      <summary>
        <ChevronRightIcon className="fold-mark" aria-hidden />
        <span>{title}</span>
        {aside && <span className="fold-aside">{aside}</span>}
      </summary>
      {seen && <div className="fold-body">{children}</div>}
    </details>
  );
}
