/** @file Under a setting: why the automatic value is what it is, or how to get it back. */
import { ResetIcon } from '@radix-ui/react-icons';
import { Button, Text } from '@radix-ui/themes';
import { resetSetting } from '../../session/actions/settings';
import type { SettingKey } from '../../session/settings';

interface AutoLineProps {
  setting: SettingKey;
  /** The automatic value in words, once there is one. */
  automatic: string | null;
  reason?: string;
  own: boolean;
  disabled: boolean;
}

export function AutoLine({ setting, automatic, reason, own, disabled }: AutoLineProps) {
  if (own) {
    return (
      <Text as="p" size="1" color="gray" className="auto-line">
        yours{' '}
        <Button size="1" variant="ghost" disabled={disabled} onClick={() => resetSetting(setting)}>
          <ResetIcon aria-hidden /> automatic{automatic === null ? '' : `: ${automatic}`}
        </Button>
      </Text>
    );
  }
  if (!reason) return null;
  return (
    <Text as="p" size="1" color="gray" className="auto-line">
      {reason}
    </Text>
  );
}
