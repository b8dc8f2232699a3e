/** @file A word of the trade with its sentence: on hover, on focus, and on a tap. */
import { Tooltip } from '@radix-ui/themes';
import { type MouseEvent, type ReactNode, useState } from 'react';
import { type TermKey, terms } from './terms';

export function Term({ of, children }: { of: TermKey; children: ReactNode }) {
  return <Explained sentence={terms[of]}>{children}</Explained>;
}

/** Words with a sentence that explains them. */
export function Explained({ sentence, children }: { sentence: string; children: ReactNode }) {
  const [open, setOpen] = useState(false);
  const openOnTap = (event: MouseEvent) => {
    if ((event.nativeEvent as PointerEvent).pointerType !== 'touch') return;
    // Keeps the tooltip's own handler from closing what the tap has just opened.
    event.preventDefault();
    setOpen(true);
  };
  return (
    <Tooltip content={sentence} open={open} onOpenChange={setOpen} delayDuration={250}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the explanation must be reachable by keyboard */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: focus alone opens it for keyboards */}
      <dfn className="term" tabIndex={0} onClick={openOnTap}>
        {children}
      </dfn>
    </Tooltip>
  );
}
