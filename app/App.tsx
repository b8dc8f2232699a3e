/** @file The page: header, three columns in the order in which a person thinks, and what lies over them. */
import { Theme } from '@radix-ui/themes';
import { DataPanel } from './components/data/DataPanel';
import { DropOverlay } from './components/data/DropOverlay';
import { DeviceNotice } from './components/header/DeviceNotice';
import { Header } from './components/header/Header';
import { SavedBar } from './components/header/SavedBar';
import { InsidePanel } from './components/inspect/InsidePanel';
import { ModelPanel } from './components/model/ModelPanel';
import { AnswersPanel } from './components/playground/AnswersPanel';
import { TryPanel } from './components/playground/TryPanel';
import { PromptPanel } from './components/prompt/PromptPanel';
import { SettingsPanel } from './components/settings/SettingsPanel';
import { TrainPanel } from './components/train/TrainPanel';
import { Toast } from './components/ui/Toast';
import { ResultsPanel } from './components/verdict/ResultsPanel';
import { Verdict } from './components/verdict/Verdict';
import { useLeaveGuard, useTitleProgress } from './session/hooks';
import { useAppearance } from './session/theme';
import { useMemoryForecast } from './session/useMemory';

export function App() {
  return (
    <Theme
      appearance={useAppearance()}
      accentColor="indigo"
      grayColor="slate"
      radius="medium"
      panelBackground="solid"
      className="page"
    >
      <Header />
      <aside className="notices" aria-label="Notices">
        <DeviceNotice />
        <SavedBar />
      </aside>
      <main className="columns">
        <div className="column column-setup">
          <ModelPanel />
          <DataPanel />
          <SettingsPanel />
        </div>
        <div className="column column-work">
          <Verdict />
          <TrainPanel />
          <ResultsPanel />
          <TryPanel />
          <AnswersPanel />
        </div>
        <div className="column column-result">
          <PromptPanel />
          <InsidePanel />
        </div>
      </main>
      <DropOverlay />
      <Toast />
      <PageHabits />
    </Theme>
  );
}

/** Hooks that listen to every step, in a component of their own so that the page is not drawn anew with each. */
function PageHabits() {
  useTitleProgress();
  useLeaveGuard();
  useMemoryForecast();
  return null;
}
