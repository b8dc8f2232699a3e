/** @file Said before training where the model hardly knows such text, with the smallest model that fits as one button. */
import { Button } from '@radix-ui/themes';
import { useEffect, useMemo } from 'react';
import { openCatalogue } from '../../session/actions/catalogue';
import { loadModel } from '../../session/actions/model';
import { offers } from '../../session/catalogue';
import { useStudio } from '../../session/store';
import { costWords, modelKey, nextModel, stepSeconds, strangerWords } from '../../session/suits';
import { useResolvedSettings } from '../../session/useSettings';
import type { DatasetReport, InputsReading, ModelReport } from '../../workers/protocol';
import { Note } from '../ui/ErrorNote';

/** Nothing where the model knows such text, and once there is a run: its verdict says more. */
export function Suits() {
  const model = useStudio((state) => state.model.report);
  const data = useStudio((state) => state.data.report);
  const reading = useStudio((state) => state.data.reading);
  const run = useStudio((state) => state.run !== null);
  if (!model || !data || !reading || run) return null;
  if (reading.model !== modelKey(model) || reading.hash !== data.hash) return null;
  const words = strangerWords(reading.found);
  return words && <Stranger words={words} reading={reading.found} model={model} data={data} />;
}

interface StrangerProps {
  words: string;
  reading: InputsReading;
  model: ModelReport;
  data: DatasetReport;
}

function Stranger({ words, reading, model, data }: StrangerProps) {
  const { settings } = useResolvedSettings();
  const { stored, int8 } = useStudio((state) => state.catalogue);
  const loading = useStudio((state) => state.model.loading !== null);
  const processor = useStudio((state) => state.device.report?.backend === 'wasm');
  useEffect(() => {
    if (!stored) void openCatalogue(settings);
  }, [stored, settings]);
  const offer = useMemo(
    () => (stored ? nextModel(offers(stored, int8, false), model) : null),
    [stored, int8, model],
  );
  // How fast a small model is read says nothing of a graphics card, which it leaves idle.
  const seconds = offer && settings && processor ? stepSeconds(reading, offer, settings, data) : null;
  return (
    <Note tone="warning" live>
      <p>
        {words} A prompt calls up what a model can do, and teaches it nothing else.
        {stored && !offer ? ' No larger model of the list fits this device.' : ''}
      </p>
      {offer && (
        <div className="note-actions">
          <Button
            size="1"
            variant="soft"
            disabled={loading}
            onClick={() =>
              void loadModel(
                { kind: 'hub', id: offer.model.id, revision: offer.model.revision },
                offer.format,
              )
            }
          >
            Load {offer.model.title}
          </Button>
          <span>{costWords(offer, seconds)}</span>
        </div>
      )}
    </Note>
  );
}
