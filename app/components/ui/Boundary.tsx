/** @file A part of the page that cannot be drawn says so in its place; the rest of the page, and the work, go on. */
import { Button } from '@radix-ui/themes';
import { Component, type ReactNode } from 'react';
import { ErrorNote } from './ErrorNote';
import { Panel } from './Panel';

interface BoundaryProps {
  /** The panel's title, which stands over the message, too. */
  title: string;
  children: ReactNode;
}

interface Drawn {
  failed: boolean;
}

const cannotBeDrawn = (): Drawn => ({ failed: true });

/** Around one panel. */
export class Boundary extends Component<BoundaryProps, Drawn> {
  static getDerivedStateFromError = cannotBeDrawn;
  override state: Drawn = { failed: false };

  override render(): ReactNode {
    const { title, children } = this.props;
    if (!this.state.failed) return children;
    const message = 'This part of the page could not be shown.';
    const hint = 'The rest goes on, and nothing of your work is lost.';
    return (
      <Panel title={title}>
        <ErrorNote error={{ kind: 'device', message, hint }}>
          <Button size="1" onClick={() => this.setState({ failed: false })}>
            Show it again
          </Button>
        </ErrorNote>
      </Panel>
    );
  }
}

/** Around the whole page; it leans on nothing that may be what failed. */
export class PageBoundary extends Component<{ children: ReactNode }, Drawn> {
  static getDerivedStateFromError = cannotBeDrawn;
  override state: Drawn = { failed: false };

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <main className="page-failed" role="alert">
        <h1>The page could not be shown</h1>
        <p>A run that is going on goes on, and nothing of your work is lost.</p>
        <p>
          <button type="button" onClick={() => this.setState({ failed: false })}>
            Show it again
          </button>{' '}
          <button type="button" onClick={() => location.reload()}>
            Reload the page
          </button>
        </p>
      </main>
    );
  }
}
