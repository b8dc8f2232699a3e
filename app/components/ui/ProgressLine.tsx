/** @file How far something is, as a bar and in words. */
import { Progress, Text } from '@radix-ui/themes';

interface ProgressLineProps {
  label: string;
  /** 0–1, or null where nobody knows how much is left. */
  share: number | null;
  words?: string;
}

export function ProgressLine({ label, share, words }: ProgressLineProps) {
  return (
    <div className="progress-line">
      <div className="progress-words">
        <Text size="2">{label}</Text>
        {words && (
          <Text size="1" color="gray" className="numbers">
            {words}
          </Text>
        )}
      </div>
      <Progress
        size="1"
        aria-label={label}
        value={share === null ? null : Math.round(Math.min(1, Math.max(0, share)) * 100)}
        className={share === null ? 'progress-unknown' : ''}
      />
    </div>
  );
}
