/** @file The page: header, three columns in the order in which a person thinks, and what lies over them. */
import { Theme } from '@radix-ui/themes';
import { DataPanel } from './components/data/DataPanel';
import { DropOverlay } from './components/data/DropOverlay';
import { DeviceNotice } from './components/header/DeviceNotice';
import { Header } from './components/header/Header';
import { SavedBar } from './components/header/SavedBar';
import { TrainerNotice } from './components/header/TrainerNotice';
import { InsidePanel } from './components/inspect/InsidePanel';
import { ModelPanel } from './components/model/ModelPanel';
import { AnswersPanel } from './components/playground/AnswersPanel';
import { TryPanel } from './components/playground/TryPanel';
import { PromptPanel } from './components/prompt/PromptPanel';
import { SettingsPanel } from './components/settings/SettingsPanel';
import { LanesPanel } from './components/train/LanesPanel';
import { TrainPanel } from './components/train/TrainPanel';
import { Boundary } from './components/ui/Boundary';
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
        <TrainerNotice />
        <SavedBar />
      </aside>
      <main className="columns">
        <div className="column column-setup">
          <Boundary title="Model">
            <ModelPanel />
          </Boundary>
          <Boundary title="Data">
            <DataPanel />
          </Boundary>
          <Boundary title="Settings">
            <SettingsPanel />
          </Boundary>
        </div>
        <div className="column column-work">
          <Boundary title="Verdict">
            <Verdict />
          </Boundary>
          <Boundary title="Train">
            <TrainPanel />
          </Boundary>
          <Boundary title="Search">
            <LanesPanel />
          </Boundary>
          <Boundary title="Results">
            <ResultsPanel />
          </Boundary>
          <Boundary title="Try it">
            <TryPanel />
          </Boundary>
          <Boundary title="Answers">
            <AnswersPanel />
          </Boundary>
        </div>
        <div className="column column-result">
          <Boundary title="Prompt">
            <PromptPanel />
          </Boundary>
          <Boundary title="Inside the prompt">
            <InsidePanel />
          </Boundary>
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
