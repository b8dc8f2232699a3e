/** @file What was done in the run that the person did not ask for, and where its memory goes. */
import { memoryWords, savingWords } from '../../session/memory';
import { useStudio } from '../../session/store';
import { Note } from '../ui/ErrorNote';
import { Term } from '../ui/Term';

export function RunNotes() {
  const notes = useStudio((state) => state.run?.state.notes);
  const memory = useStudio((state) => state.run?.state.memory);
  return (
    <>
      {notes && notes.length > 0 && (
        <Note live>
          {notes.map((note) => (
            <p key={note}>{note}</p>
          ))}
        </Note>
      )}
      {memory && (
        <p className="facts numbers">
          On the device: weights {memoryWords(memory.weights)}, training {memoryWords(memory.training)}
          {memory.saving && (
            <>
              , <Term of="saving">{savingWords[memory.saving]}</Term>
            </>
          )}
        </p>
      )}
    </>
  );
}
