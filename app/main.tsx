/** @file Puts the page into the document and opens the studio behind it. */
import '@radix-ui/themes/tokens/base.css';
import '@radix-ui/themes/tokens/colors/slate.css';
import '@radix-ui/themes/tokens/colors/indigo.css';
import '@radix-ui/themes/tokens/colors/red.css';
import '@radix-ui/themes/tokens/colors/amber.css';
import '@radix-ui/themes/tokens/colors/green.css';
import '@radix-ui/themes/components.css';
import '@radix-ui/themes/utilities.css';
import 'uplot/dist/uPlot.min.css';
import './styles.css';
import { StrictMode, startTransition } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { PageBoundary } from './components/ui/Boundary';
import { openStudio } from './session/actions/opening';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no element #root to put the page into.');
// As a transition the page is drawn in slices, and the browser stays free between them.
startTransition(() =>
  createRoot(root).render(
    <StrictMode>
      <PageBoundary>
        <App />
      </PageBoundary>
    </StrictMode>,
  ),
);
void openStudio();
