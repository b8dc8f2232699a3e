/** @file A model on its way: phase, bytes, speed, time left, and a way to end it. */
import { Button } from '@radix-ui/themes';
import { cancelModel } from '../../session/actions/model';
import { progressWords } from '../../session/loading';
import { originName } from '../../session/modelAddress';
import type { ModelLoad } from '../../session/state';
import { ProgressLine } from '../ui/ProgressLine';

export function ModelLoading({ loading }: { loading: ModelLoad }) {
  const { request, progress } = loading;
  return (
    <div className="stack stack-start">
      <ProgressLine {...progressWords(originName(request.origin), progress)} />
      <Button size="1" variant="soft" color="gray" onClick={cancelModel}>
        Cancel loading
      </Button>
    </div>
  );
}
