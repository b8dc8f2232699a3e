/** @file Models whose files this browser keeps: their size, the room there is, and deleting them. */
import { Button, Progress, Text } from '@radix-ui/themes';
import { useState } from 'react';
import { deleteStored, openStorage } from '../../session/actions/storage';
import { bytes } from '../../session/format';
import { modelName, shortRevision } from '../../session/modelAddress';
import { useStudio } from '../../session/store';
import type { StorageReport, StoredModel } from '../../workers/protocol';
import { ErrorNote } from '../ui/ErrorNote';
import { Fold } from '../ui/Fold';

export function StoredModels() {
  const { report, error } = useStudio((state) => state.storage);
  const total = report?.models.reduce((sum, model) => sum + model.bytes, 0) ?? 0;
  return (
    <Fold title="Kept in this browser" aside={report ? bytes(total) : undefined} onOpen={openStorage}>
      {error && <ErrorNote error={error} />}
      {!report && !error && (
        <Text size="2" color="gray">
          Looking…
        </Text>
      )}
      {report && (
        <>
          {report.models.length === 0 ? (
            <Text as="p" size="2" color="gray">
              No model yet. One that has been downloaded stays here and works offline from then on.
            </Text>
          ) : (
            <ul className="stored-models" aria-label="Models kept in this browser">
              {report.models.map((model) => (
                <Stored key={model.key} model={model} />
              ))}
            </ul>
          )}
          <Room report={report} />
        </>
      )}
    </Fold>
  );
}

function Stored({ model }: { model: StoredModel }) {
  const [asking, setAsking] = useState(false);
  const deleting = useStudio((state) => state.storage.deleting);
  const loading = useStudio((state) => state.model.loading !== null);
  const name = modelName(model.id);
  return (
    <li className={`stored-model ${asking ? 'is-asking' : ''}`}>
      <div className="grow">
        <Text as="p" size="2" className="breakable">
          {name}
          {model.revision && (
            <Text size="1" color="gray" title={model.revision}>
              {' '}
              @{shortRevision(model.revision)}
            </Text>
          )}
        </Text>
        <Text as="p" size="1" color="gray" className="numbers">
          {bytes(model.bytes)} · used{' '}
          {new Date(model.usedAt).toLocaleDateString('en', { dateStyle: 'medium' })}
          {model.complete ? '' : ' · incomplete: loading it goes on where it broke off'}
        </Text>
      </div>
      {asking ? (
        <div className="row row-tight">
          <Button
            size="1"
            variant="soft"
            color="red"
            highContrast
            autoFocus
            loading={deleting === model.key}
            disabled={deleting !== null || loading}
            aria-label={`Delete the files of ${name}`}
            onClick={() => deleteStored(model.key)}
          >
            Delete {bytes(model.bytes)}
          </Button>
          <Button size="1" variant="soft" color="gray" onClick={() => setAsking(false)}>
            Keep
          </Button>
        </div>
      ) : (
        <Button
          size="1"
          variant="soft"
          color="gray"
          disabled={deleting !== null || loading}
          aria-label={`Delete ${name}`}
          onClick={() => setAsking(true)}
        >
          Delete…
        </Button>
      )}
    </li>
  );
}

/** How full the browser's share of the disk is, and whether it may be cleared without asking. */
function Room({ report }: { report: StorageReport }) {
  const { used, quota, persisted } = report;
  return (
    <div className="stack">
      {used !== null && quota !== null && quota > 0 && (
        <div>
          <Text as="p" size="1" color="gray" className="numbers">
            {bytes(used)} of {bytes(quota)} that this browser allows
          </Text>
          <Progress size="1" aria-label="Storage in use" value={Math.min(100, (used / quota) * 100)} />
        </div>
      )}
      <Text as="p" size="1" color="gray">
        {persisted
          ? 'The browser has promised to keep it.'
          : 'The browser may clear it when the disk runs full: models would be downloaded again.'}
      </Text>
    </div>
  );
}
