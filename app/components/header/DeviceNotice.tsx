/** @file Why it does not run on the GPU, how to change that in this browser, and what happens when the GPU goes away. */
import { Cross2Icon } from '@radix-ui/react-icons';
import { Button, IconButton, Text } from '@radix-ui/themes';
import { Fragment, useState } from 'react';
import { backendInAddress } from '../../session/actions/opening';
import { webGpuHelp } from '../../session/browserHelp';
import { useStudio } from '../../session/store';
import { ErrorNote, Note } from '../ui/ErrorNote';
import { Fold } from '../ui/Fold';

export function DeviceNotice() {
  const { report, error, lost } = useStudio((state) => state.device);
  if (error) {
    return (
      <ErrorNote error={error}>
        <Button size="1" variant="soft" onClick={() => location.reload()}>
          Reload the page
        </Button>
        {backendInAddress(location.search) === undefined && (
          <a href={addressWith('wasm')}>Use the processor instead</a>
        )}
      </ErrorNote>
    );
  }
  if (!report) return null;
  if (lost !== null) return <Lost message={lost} />;
  if (report.backend !== 'webgpu') {
    return backendInAddress(location.search) === report.backend ? (
      <Chosen />
    ) : (
      <NoWebGpu reason={report.reason} />
    );
  }
  return report.software ? <SoftwareAdapter /> : null;
}

/** Nothing is to be done: the worker brings model and run back by itself. */
function Lost({ message }: { message: string }) {
  const running = useStudio((state) => state.run !== null);
  return (
    <Note tone="warning" live>
      <p>
        <strong>The graphics device was lost.</strong> {sentence(message)}
      </p>
      <p>
        {running
          ? 'Bringing model and run back: the run goes on from its last step.'
          : 'Bringing the model back.'}
      </p>
    </Note>
  );
}

function NoWebGpu({ reason }: { reason: string | null }) {
  const [dismissed, setDismissed] = useState(false);
  const { browser, steps } = webGpuHelp({
    userAgent: navigator.userAgent,
    hasWebGpu: 'gpu' in navigator,
    secure: window.isSecureContext,
  });
  if (dismissed) return null;
  return (
    <div className="note note-info device-notice">
      <div className="note-body">
        <Text as="p" size="2">
          <strong>Training runs on the processor.</strong> {reason ? `${sentence(reason)} ` : ''}
          Everything works all the same; with WebGPU larger models are many times faster.
        </Text>
        <Fold title={`How to turn WebGPU on in ${browser}`}>
          <ol className="help-steps">
            {steps.map((step) => (
              <li key={step}>
                <WithCode text={step} />
              </li>
            ))}
          </ol>
        </Fold>
      </div>
      <IconButton
        size="1"
        variant="ghost"
        color="gray"
        aria-label="Dismiss this note"
        onClick={() => setDismissed(true)}
      >
        <Cross2Icon />
      </IconButton>
    </div>
  );
}

function Chosen() {
  return (
    <div className="note note-info device-notice">
      <Text as="p" size="2">
        Training runs on the processor because this page's address asks for it.{' '}
        <a href={addressWith(null)}>Let the page choose</a>
      </Text>
    </div>
  );
}

function SoftwareAdapter() {
  return (
    <div className="note note-info device-notice">
      <Text as="p" size="2">
        This browser offers WebGPU without a graphics card behind it, which is many times slower than the
        processor itself. <a href={addressWith('wasm')}>Use the processor instead</a>
      </Text>
    </div>
  );
}

function WithCode({ text }: { text: string }) {
  const parts = text.split('`');
  return parts.map((part, index) => (
    // The parts of one sentence never move.
    // biome-ignore lint/suspicious/noArrayIndexKey: see above
    <Fragment key={index}>{index % 2 === 1 ? <code>{part}</code> : part}</Fragment>
  ));
}

function addressWith(backend: string | null): string {
  const url = new URL(location.href);
  if (backend) url.searchParams.set('backend', backend);
  else url.searchParams.delete('backend');
  return url.href;
}

function sentence(text: string): string {
  const trimmed = text.trim();
  const capital = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
