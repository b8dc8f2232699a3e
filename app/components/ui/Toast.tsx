/** @file Says that something is finished; errors stand where they happened instead. */
import { CheckCircledIcon, Cross2Icon } from '@radix-ui/react-icons';
import { IconButton, Text } from '@radix-ui/themes';
import { useEffect, useState } from 'react';
import { dismissNotice } from '../../session/actions/training';
import type { Notice } from '../../session/state';
import { useStudio } from '../../session/store';

/** Nothing is lost when it goes: the same words stand in the panel they belong to. */
const STAYS = 15_000;

export function Toast() {
  const notice = useStudio((state) => state.notice);
  return (
    <div className="toast-place" aria-live="polite">
      {notice && <Words key={notice.id} notice={notice} />}
    </div>
  );
}

/** Goes by itself, but not while it is being read: pointer or focus on it hold it. */
function Words({ notice }: { notice: Notice }) {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (held) return;
    const timer = setTimeout(dismissNotice, STAYS);
    return () => clearTimeout(timer);
  }, [held]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: nothing is done to it, it is only kept from going
    <div
      className="toast"
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <CheckCircledIcon className="toast-mark" aria-hidden />
      <div>
        <Text as="p" size="2" weight="bold">
          {notice.title}
        </Text>
        <Text as="p" size="2" color="gray">
          {notice.body}
        </Text>
      </div>
      <IconButton size="1" variant="ghost" color="gray" aria-label="Dismiss" onClick={dismissNotice}>
        <Cross2Icon />
      </IconButton>
    </div>
  );
}
