/** @file A titled part of the page. */
import { Heading } from '@radix-ui/themes';
import { type ReactNode, useId } from 'react';

interface PanelProps {
  title: string;
  /** Beside the title: what is in it, in a few words. */
  aside?: ReactNode;
  className?: string;
  children: ReactNode;
}

export function Panel({ title, aside, className = '', children }: PanelProps) {
  const id = useId();
  return (
    <section className={`panel ${className}`} aria-labelledby={id}>
      <div className="panel-head">
        <Heading as="h2" size="3" id={id}>
          {title}
        </Heading>
        {aside && <div className="panel-aside">{aside}</div>}
      </div>
      {children}
    </section>
  );
}

/** What a panel says while it has nothing to show. */
export function Empty({ children }: { children: ReactNode }) {
  return <p className="empty">{children}</p>;
}
