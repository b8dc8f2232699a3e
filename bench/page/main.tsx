/** @file Puts the benchmark's page into the document. */
import '@radix-ui/themes/tokens/base.css';
import '@radix-ui/themes/tokens/colors/slate.css';
import '@radix-ui/themes/tokens/colors/indigo.css';
import '@radix-ui/themes/tokens/colors/red.css';
import '@radix-ui/themes/tokens/colors/amber.css';
import '@radix-ui/themes/tokens/colors/green.css';
import '@radix-ui/themes/components.css';
import '@radix-ui/themes/utilities.css';
import '../../app/styles.css';
import './page.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { BenchPage } from './BenchPage';

const root = document.getElementById('root');
if (!root) throw new Error('bench.html has no element #root to put the page into.');
createRoot(root).render(
  <StrictMode>
    <BenchPage />
  </StrictMode>,
);
