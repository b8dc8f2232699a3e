/** @file A labelled choice of a column, and a box for a template or a text: parts of the forms about rows. */
import { TextArea } from '@radix-ui/themes';
import { type ReactNode, useId } from 'react';

export function ColumnField({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="field">
      <span className="field-label" aria-hidden>
        {label}
      </span>
      {children}
    </div>
  );
}

interface TemplateFieldProps {
  label: string;
  value: string;
  disabled: boolean;
  placeholder?: string;
  onChange: (value: string) => void;
}

export function TemplateField({ label, value, disabled, placeholder, onChange }: TemplateFieldProps) {
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className="field-label">
        {label}
      </label>
      <TextArea
        id={id}
        size="1"
        rows={Math.min(6, value.split('\n').length)}
        resize="vertical"
        className="template"
        value={value}
        disabled={disabled}
        placeholder={placeholder}
        spellCheck={false}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}
