/** @file Says that something is finished; errors stand where they happened instead. */
import { CheckCircledIcon, Cross2Icon } from '@radix-ui/react-icons';
import { IconButton, Text } from '@radix-ui/themes';
import { dismissNotice } from '../../session/actions/training';
import { useStudio } from '../../session/store';

/** Stays until it is dismissed or the next run starts: nobody has to read against a clock. */
export function Toast() {
  const notice = useStudio((state) => state.notice);
  return (
    <div className="toast-place" aria-live="polite">
      {notice && (
        <div className="toast">
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
      )}
    </div>
  );
}
