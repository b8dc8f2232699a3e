/** @file The run: its buttons, how it stands, its curve. */
import { useStudio } from '../../session/store';
import { ErrorNote, Note } from '../ui/ErrorNote';
import { Panel } from '../ui/Panel';
import { CurvePanel } from './CurvePanel';
import { RunButtons } from './RunButtons';
import { RunEnd } from './RunEnd';
import { RunNotes } from './RunNotes';
import { Suits } from './Suits';
import { TrainingStatus } from './TrainingStatus';

export function TrainPanel() {
  const error = useStudio((state) => state.trainError);
  const dataset = useStudio((state) => state.run?.dataset?.name);
  const notSaved = useStudio((state) => state.run?.notSaved);
  return (
    <Panel title="Train" aside={dataset ? `on ${dataset}` : undefined} className="panel-train">
      <div className="train-bar">
        <RunButtons />
        <TrainingStatus />
      </div>
      {error && <ErrorNote error={error} />}
      {notSaved && (
        <Note tone="warning">
          <p>{notSaved}</p>
        </Note>
      )}
      <Suits />
      <RunEnd />
      <CurvePanel />
      <RunNotes />
    </Panel>
  );
}
