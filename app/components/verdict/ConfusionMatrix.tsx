/** @file Targets by rows, answers by columns; a cell off the diagonal filters the wrong rows. */
interface ConfusionMatrixProps {
  classes: readonly string[];
  /** `[target][predicted]`. */
  matrix: readonly (readonly number[])[];
  chosen: { target: string; said: string } | null;
  onChoose: (cell: { target: string; said: string } | null) => void;
}

/** Beyond so many classes cells would be too small to read. */
const MOST_SHOWN = 20;

export function ConfusionMatrix({ classes, matrix, chosen, onChoose }: ConfusionMatrixProps) {
  const most = Math.max(1, ...matrix.flat());
  if (classes.length > MOST_SHOWN) {
    return <MixedUp classes={classes} matrix={matrix} />;
  }
  return (
    <div className="table-frame">
      <table className="confusion numbers">
        <caption className="visually-hidden">Wanted class by rows, likeliest class by columns</caption>
        <thead>
          <tr>
            <th scope="col">wanted ↓ taken for →</th>
            {classes.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {classes.map((target, t) => (
            <tr key={target}>
              <th scope="row">{target}</th>
              {classes.map((said, s) => {
                const count = matrix[t][s];
                const on = chosen?.target === target && chosen.said === said;
                const shade = { '--shade': count / most } as React.CSSProperties;
                return (
                  <td key={said} className={t === s ? 'cell-right' : 'cell-wrong'} style={shade}>
                    {t === s || count === 0 ? (
                      count
                    ) : (
                      <button
                        type="button"
                        aria-pressed={on}
                        aria-label={`${count} rows of ${target} taken for ${said}`}
                        onClick={() => onChoose(on ? null : { target, said })}
                      >
                        {count}
                      </button>
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Of many classes only the pairs that are mixed up most. */
function MixedUp({ classes, matrix }: Pick<ConfusionMatrixProps, 'classes' | 'matrix'>) {
  const pairs = matrix
    .flatMap((row, t) =>
      row.map((count, s) => ({ count, target: classes[t], said: classes[s], wrong: t !== s })),
    )
    .filter(({ count, wrong }) => wrong && count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, MOST_SHOWN);
  if (pairs.length === 0) return <p className="results-none">No class is taken for another.</p>;
  return (
    <ul className="mixed-up numbers">
      {pairs.map(({ count, target, said }) => (
        <li key={`${target} ${said}`}>
          {count} of “{target}” taken for “{said}”
        </li>
      ))}
    </ul>
  );
}
