/** @file Which frozen model: what it is, how far it has come, another one, and what is kept of models. */
import { Button } from '@radix-ui/themes';
import { useStudio } from '../../session/store';
import { Fold } from '../ui/Fold';
import { Empty, Panel } from '../ui/Panel';
import { Term } from '../ui/Term';
import { HubToken } from './HubToken';
import { ModelChooser } from './ModelChooser';
import { ModelFacts } from './ModelFacts';
import { ModelFault } from './ModelFault';
import { ModelLoading } from './ModelLoading';
import { StoredModels } from './StoredModels';

export function ModelPanel() {
  const { report, loading, error, failed } = useStudio((state) => state.model);
  const { ending, remembered } = useStudio((state) => state.hub);
  return (
    <Panel title="Model" aside={report && !loading ? 'ready' : undefined} className="panel-model">
      {report && <ModelFacts report={report} />}
      {!report && !loading && !error && !failed && (
        <Empty>
          The <Term of="frozenModel">frozen model</Term> that comes with the page will stand here.
        </Empty>
      )}
      {loading && <ModelLoading loading={loading} />}
      {!loading && <ModelFault />}
      <ModelChooser>
        <Button variant="soft">Choose a model…</Button>
      </ModelChooser>
      <div>
        <StoredModels />
        <Fold
          title="Access token"
          aside={ending === null ? 'none' : remembered ? `…${ending}, remembered` : `…${ending}`}
        >
          <HubToken />
        </Fold>
      </div>
    </Panel>
  );
}
