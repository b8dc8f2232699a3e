/** @file The list of models: as a table where there is room, as cards where there is not. */
import { CheckIcon, Cross2Icon } from '@radix-ui/react-icons';
import { Badge, Button, Text } from '@radix-ui/themes';
import { type Fit, keyOf, type Offer } from '../../session/catalogue';
import { bytes, count, short } from '../../session/format';
import { useMedia } from '../../session/hooks';
import { memoryWords } from '../../session/memory';
import { useStudio } from '../../session/store';
import { Term } from '../ui/Term';

interface ModelListProps {
  offers: Offer[];
  disabled: boolean;
  onLoad: (offer: Offer) => void;
}

const groups: { fit: Fit; title: string }[] = [
  { fit: 'stored', title: 'Fit the memory that may be used' },
  { fit: 'int8', title: 'Fit with 8-bit weights' },
  { fit: 'none', title: 'Too large for the memory that may be used' },
];

export function ModelList(props: ModelListProps) {
  const narrow = useMedia('(max-width: 719px)');
  if (props.offers.length === 0) return null;
  return narrow ? <Cards {...props} /> : <Table {...props} />;
}

function Table({ offers, disabled, onLoad }: ModelListProps) {
  return (
    <div className="model-list">
      <table>
        <caption className="visually-hidden">Models</caption>
        <thead>
          <tr>
            <th scope="col">Model</th>
            <th scope="col">Parameters</th>
            <th scope="col">Download</th>
            <th scope="col">
              <Term of="trainingMemory">Memory</Term>
            </th>
            <th scope="col">Context</th>
            <th scope="col">Licence</th>
            <th scope="col">
              <span className="visually-hidden">Load</span>
            </th>
          </tr>
        </thead>
        {groups.map(({ fit, title }) => {
          const members = offers.filter((offer) => offer.fit === fit);
          if (members.length === 0) return null;
          return (
            <tbody key={fit}>
              <tr>
                <th colSpan={7} scope="rowgroup" className="model-group">
                  {title}
                </th>
              </tr>
              {members.map((offer) => (
                <tr key={keyOf(offer.model)}>
                  <th scope="row">
                    <ModelWords offer={offer} />
                  </th>
                  <td className="numbers">{short(offer.model.parameters)}</td>
                  <td className="numbers">
                    <Download offer={offer} />
                  </td>
                  <td className="numbers">
                    <MemoryMark offer={offer} />
                  </td>
                  <td className="numbers">{count(offer.model.contextLength)}</td>
                  <td>{offer.model.licence}</td>
                  <td>
                    <LoadButton offer={offer} disabled={disabled} onLoad={onLoad} />
                  </td>
                </tr>
              ))}
            </tbody>
          );
        })}
      </table>
    </div>
  );
}

function Cards({ offers, disabled, onLoad }: ModelListProps) {
  return (
    <div className="model-cards">
      {groups.map(({ fit, title }) => {
        const members = offers.filter((offer) => offer.fit === fit);
        if (members.length === 0) return null;
        return (
          <section key={fit} aria-label={title}>
            <Text as="p" size="1" weight="bold" className="model-group">
              {title}
            </Text>
            <ul>
              {members.map((offer) => (
                <li key={keyOf(offer.model)} className="model-card">
                  <ModelWords offer={offer} />
                  <dl className="model-facts numbers">
                    <Fact name="Parameters">{short(offer.model.parameters)}</Fact>
                    <Fact name="Download">
                      <Download offer={offer} />
                    </Fact>
                    <Fact name="Memory">
                      <MemoryMark offer={offer} />
                    </Fact>
                    <Fact name="Context">{count(offer.model.contextLength)}</Fact>
                    <Fact name="Licence">{offer.model.licence}</Fact>
                  </dl>
                  <LoadButton offer={offer} disabled={disabled} onLoad={onLoad} />
                </li>
              ))}
            </ul>
          </section>
        );
      })}
    </div>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function ModelWords({ offer: { model } }: { offer: Offer }) {
  const { title, id, kind, gated, note } = model;
  return (
    <div className="model-words">
      <Text as="p" size="2" weight="medium">
        {title}{' '}
        <Badge size="1" color={kind === 'chat' ? 'indigo' : 'gray'}>
          {kind}
        </Badge>{' '}
        {gated && (
          <Badge
            size="1"
            color="amber"
            highContrast
            title="Its licence must be accepted on huggingface.co, and an access token is needed"
          >
            gated
          </Badge>
        )}
      </Text>
      <Text as="p" size="1" color="gray" weight="regular" className="breakable">
        {id}
      </Text>
      <Text as="p" size="1" color="gray" weight="regular">
        {note}
      </Text>
    </div>
  );
}

function Download({ offer: { model } }: { offer: Offer }) {
  return (
    <>
      {bytes(model.downloadBytes)}
      {model.stored && <span className="model-aside">kept in this browser</span>}
    </>
  );
}

const marks: Record<Fit, { icon: typeof CheckIcon; words: string }> = {
  stored: { icon: CheckIcon, words: 'fits' },
  int8: { icon: CheckIcon, words: 'fits in 8 bits' },
  none: { icon: Cross2Icon, words: 'too large' },
};

function MemoryMark({ offer: { fit, memory } }: { offer: Offer }) {
  const { icon: Icon, words } = marks[fit];
  return (
    <>
      {memoryWords(memory)}
      <span className={`model-aside fit fit-${fit}`}>
        <Icon aria-hidden /> {words}
      </span>
    </>
  );
}

function LoadButton({ offer, disabled, onLoad }: { offer: Offer } & Omit<ModelListProps, 'offers'>) {
  const { model, format, fit } = offer;
  const present = useStudio(
    ({ model: { report, loading } }) =>
      report?.id === model.id && report.weightFormat === format && loading === null,
  );
  if (present) return <Text size="1">in use</Text>;
  const words = `${format === 'int8' ? 'Load in 8 bits' : 'Load'}${fit === 'none' ? ' anyway' : ''}`;
  return (
    <Button
      size="1"
      variant={fit === 'none' ? 'outline' : 'soft'}
      color={fit === 'none' ? 'gray' : undefined}
      disabled={disabled}
      aria-label={`${words}: ${model.title}`}
      onClick={() => onLoad(offer)}
    >
      {words}
    </Button>
  );
}
