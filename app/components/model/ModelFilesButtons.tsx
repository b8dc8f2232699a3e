/** @file A model from this machine: its folder, a zip of it, or a GGUF file. */
import { type ChangeEvent, useId } from 'react';
import { modelFolder, placedFiles } from '../../session/modelFiles';

interface ModelFilesButtonsProps {
  disabled: boolean;
  onFiles: (files: File[]) => void;
}

export function ModelFilesButtons({ disabled, onFiles }: ModelFilesButtonsProps) {
  const id = useId();
  const choose = (event: ChangeEvent<HTMLInputElement>) => {
    const files = [...(event.target.files ?? [])];
    event.target.value = '';
    // Where no model is found among them, the worker says what is missing.
    if (files.length > 0) onFiles(modelFolder(placedFiles(files), true) ?? files);
  };
  const className = `file-button ${disabled ? 'is-disabled' : ''}`;
  return (
    <>
      <label htmlFor={`${id}-folder`} className={className}>
        <input
          id={`${id}-folder`}
          type="file"
          aria-label="Model folder"
          disabled={disabled}
          onChange={choose}
          // Not among the attributes that React's types know.
          {...{ webkitdirectory: '' }}
        />
        Folder from this machine…
      </label>
      <label htmlFor={`${id}-zip`} className={className}>
        <input
          id={`${id}-zip`}
          type="file"
          multiple
          aria-label="Model files"
          accept=".zip,.gguf,.safetensors,.json,.txt,.model,.jinja"
          disabled={disabled}
          onChange={choose}
        />
        Zip or files…
      </label>
    </>
  );
}
