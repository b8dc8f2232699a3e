/** @file The whole page takes dropped files, and shows that it will. */
import { Text } from '@radix-ui/themes';
import { useEffect, useState } from 'react';
import { receiveFiles } from '../../session/actions/receive';
import type { DropPlace } from '../../session/droppedFiles';
import { filesOf } from './droppedItems';

export function DropOverlay() {
  const place = useDroppedFiles();
  if (!place) return null;
  const { title, kinds } = words[place];
  return (
    <div className="drop-overlay" aria-hidden>
      <div className="drop-sign">
        <Text size="5" weight="bold">
          {title}
        </Text>
        <Text size="2" color="gray">
          {kinds}
        </Text>
      </div>
    </div>
  );
}

const words: Record<DropPlace, { title: string; kinds: string }> = {
  page: {
    title: 'Drop a dataset or a prompt file',
    kinds: 'CSV, TSV, JSON, JSONL, Parquet, text · PEFT zip, safetensors, npy',
  },
  model: { title: 'Drop a model', kinds: 'A folder in Hugging Face layout, or a zip of one' },
};

/** Where files hover, or null. Lets go, they go where they belong. */
function useDroppedFiles(): DropPlace | null {
  const [over, setOver] = useState<DropPlace | null>(null);
  useEffect(() => {
    // Enter and leave come for every element under the pointer; the page is left when they balance.
    let depth = 0;
    const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const enter = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      depth++;
      setOver(placeOf(event));
    };
    const leave = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      depth = Math.max(0, depth - 1);
      if (depth === 0) setOver(null);
    };
    const allow = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      setOver(placeOf(event));
    };
    const drop = (event: DragEvent) => {
      if (!event.dataTransfer || !carriesFiles(event)) return;
      event.preventDefault();
      depth = 0;
      setOver(null);
      void take(event.dataTransfer, placeOf(event));
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

function placeOf(event: DragEvent): DropPlace {
  const { target } = event;
  return target instanceof Element && target.closest('.panel-model, .model-chooser') ? 'model' : 'page';
}

async function take(transfer: DataTransfer, place: DropPlace): Promise<void> {
  await receiveFiles(await filesOf(transfer), place);
}
