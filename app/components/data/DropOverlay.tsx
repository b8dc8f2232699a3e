/** @file The whole page takes dropped files, and shows that it will. */
import { Text } from '@radix-ui/themes';
import { useEffect, useState } from 'react';
import { receiveFiles } from '../../session/actions/data';
import { isRunning } from '../../session/state';
import { patch, useStudio } from '../../session/store';
import { filesOf } from './droppedItems';

export function DropOverlay() {
  const over = useDroppedFiles();
  if (!over) return null;
  return (
    <div className="drop-overlay" aria-hidden>
      <div className="drop-sign">
        <Text size="5" weight="bold">
          Drop a dataset or a prompt file
        </Text>
        <Text size="2" color="gray">
          CSV, TSV, JSON, JSONL, Parquet, text · PEFT zip, safetensors, npy
        </Text>
      </div>
    </div>
  );
}

function useDroppedFiles(): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    // Enter and leave come for every element under the pointer; the page is left when they balance.
    let depth = 0;
    const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const enter = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      depth++;
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      depth = Math.max(0, depth - 1);
      if (depth === 0) setOver(false);
    };
    const allow = (event: DragEvent) => {
      if (carriesFiles(event)) event.preventDefault();
    };
    const drop = (event: DragEvent) => {
      if (!event.dataTransfer || !carriesFiles(event)) return;
      event.preventDefault();
      depth = 0;
      setOver(false);
      void take(event.dataTransfer);
    };
    window.addEventListener('dragenter', enter);
    window.addEventListener('dragleave', leave);
    window.addEventListener('dragover', allow);
    window.addEventListener('drop', drop);
    return () => {
      window.removeEventListener('dragenter', enter);
      window.removeEventListener('dragleave', leave);
      window.removeEventListener('dragover', allow);
      window.removeEventListener('drop', drop);
    };
  }, []);
  return over;
}

async function take(transfer: DataTransfer): Promise<void> {
  const files = await filesOf(transfer);
  if (isRunning(useStudio.getState().run)) {
    const message = 'A run is going on, so data and prompt stay as they are.';
    patch('data', { error: { kind: 'data', message, hint: 'Pause or stop it, then drop the file again.' } });
    return;
  }
  await receiveFiles(files);
}
