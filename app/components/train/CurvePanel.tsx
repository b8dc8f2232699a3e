/** @file The loss curve with what belongs to it: scale, zoom, values under the pointer, small curves, numbers. */
import { Button, SegmentedControl } from '@radix-ui/themes';
import { useId, useMemo, useRef, useState } from 'react';
import { curve } from '../../session/curve';
import { useThrottled } from '../../session/hooks';
import { type ReferenceLine, referenceLines } from '../../session/referenceLines';
import type { StudioState } from '../../session/state';
import { bestValidation, curveDescription, referenceWords } from '../../session/summary';
import { Fold } from '../ui/Fold';
import { Empty } from '../ui/Panel';
import { Term } from '../ui/Term';
import { CurveNumbers } from './CurveNumbers';
import { LossCurve } from './LossCurve';
import type { LossChart } from './lossChart';
import { PointReadout } from './PointReadout';
import { SmallCurves } from './SmallCurves';

/** Ten to fifteen frames a second look alive and leave the rest of each second to the page. */
const DRAW_INTERVAL = 80;
const none: never[] = [];

const runOf = (state: StudioState) => state.run;

export function CurvePanel() {
  const run = useThrottled(runOf, DRAW_INTERVAL);
  const steps = run?.steps ?? none;
  const validations = run?.validations ?? none;
  const planned = run?.state.steps ?? 0;
  const words = run?.words ?? null;
  const columns = useMemo(
    () => curve(steps, validations, planned, words !== null),
    [steps, validations, planned, words],
  );
  const lines = useMemo(() => referenceLines(words, validations), [words, validations]);
  const [log, setLog] = useState(false);
  const [zoomed, setZoomed] = useState(false);
  const [point, setPoint] = useState<number | null>(null);
  const chart = useRef<LossChart | null>(null);
  const description = useId();
  const empty = columns.step.length === 0;
  const shownPoint = point !== null && point < columns.step.length ? point : null;
  return (
    <div className="curve">
      <div className="curve-head">
        <Legend lines={lines} />
        <div className="curve-tools">
          {zoomed && (
            <Button size="1" variant="soft" color="gray" onClick={() => chart.current?.showAll()}>
              Whole run
            </Button>
          )}
          <SegmentedControl.Root
            size="1"
            value={log ? 'log' : 'linear'}
            onValueChange={(value) => setLog(value === 'log')}
            aria-label="Scale of the loss"
          >
            <SegmentedControl.Item value="linear">linear</SegmentedControl.Item>
            <SegmentedControl.Item value="log">log</SegmentedControl.Item>
          </SegmentedControl.Root>
        </div>
      </div>
      <div className={`curve-frame ${empty ? 'is-empty' : ''}`}>
        <LossCurve
          columns={columns}
          best={bestValidation(validations)}
          lines={lines}
          log={log}
          describedBy={description}
          onPoint={setPoint}
          onZoom={setZoomed}
          chart={chart}
        />
        {empty && (
          <div className="curve-empty">
            <Empty>
              The loss of every step is drawn here while it trains. Drag across it to zoom; with the keyboard,
              arrows read values and + and − zoom.
            </Empty>
          </div>
        )}
      </div>
      <p id={description} className="visually-hidden">
        {curveDescription(run, lines)}
      </p>
      {!empty && (
        <>
          <PointReadout columns={columns} index={shownPoint} />
          <SmallCurves columns={columns} classes={run?.dataset?.hasClasses ?? false} />
          <Fold title="Numbers">
            <CurveNumbers steps={steps} validations={validations} words={words ?? none} />
          </Fold>
        </>
      )}
    </div>
  );
}

function Legend({ lines }: { lines: readonly ReferenceLine[] }) {
  return (
    <ul className="legend">
      <li>
        <span className="swatch swatch-raw" aria-hidden />
        <span>
          <Term of="loss">loss</Term> of each step
        </span>
      </li>
      <li>
        <span className="swatch swatch-smoothed" aria-hidden />
        <Term of="smoothed">smoothed</Term>
      </li>
      <li>
        <span className="swatch swatch-validation" aria-hidden />
        <span>
          <Term of="validation">validation</Term>, best ringed
        </span>
      </li>
      {lines.map((line) => (
        <li key={line.kind} className="numbers">
          <span className={`swatch swatch-${line.kind}`} aria-hidden />
          <span>
            {line.name} {referenceWords(line)}
          </span>
        </li>
      ))}
    </ul>
  );
}
