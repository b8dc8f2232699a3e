/**
 * @file Typed values of Parquet and Arrow as the text of a cell: what pyarrow shows, exact, and JSON for what is nested.
 * A `ValueText` is made once a column and used for each value.
 */

/** How values of one type become text. Neither function is ever called for null. */
export interface ValueText {
  /** Whether a cell is JSON of a list or an object. */
  nested: boolean;
  cell(value: unknown): string;
  json(value: unknown): string;
}

/** What was met on the way, for notes. */
export interface ValueCounts {
  /** Floats that are NaN or infinite, which are empty cells. */
  notANumber: number;
  /** Values of bytes that are no text. */
  bytes: number;
}

export type TimeUnit = 's' | 'ms' | 'us' | 'ns';

const PER_SECOND: Record<TimeUnit, bigint> = { s: 1n, ms: 1000n, us: 1_000_000n, ns: 1_000_000_000n };
const DAY_SECONDS = 86_400n;

const orEmpty = (type: ValueText, value: unknown) =>
  value === null || value === undefined ? '' : type.cell(value);
const orNull = (type: ValueText, value: unknown) =>
  value === null || value === undefined ? 'null' : type.json(value);

/** The cell of a value that may be null. */
export function cellText(type: ValueText, value: unknown): string {
  return orEmpty(type, value);
}

function scalar(text: (value: never) => string, quoted: boolean): ValueText {
  const cell = text as (value: unknown) => string;
  return { nested: false, cell, json: quoted ? (value) => JSON.stringify(cell(value)) : cell };
}

export const TEXT: ValueText = scalar((value: unknown) => String(value), true);
export const INTEGER: ValueText = scalar((value: number | bigint) => String(value), false);
export const BOOLEAN: ValueText = {
  nested: false,
  cell: (value) => (value ? 'True' : 'False'),
  json: (value) => (value ? 'true' : 'false'),
};

export function float(counts: ValueCounts): ValueText {
  return {
    nested: false,
    cell: (value) => {
      if (Number.isFinite(value)) return floatText(value as number);
      counts.notANumber++;
      return '';
    },
    json: (value) => {
      if (Number.isFinite(value)) return floatText(value as number);
      counts.notANumber++;
      return 'null';
    },
  };
}

/** A float as Python writes it: always told from an integer, scientific from 1e16 and below 1e-4. */
export function floatText(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e16 || size < 1e-4)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  }
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** Decimals as scaled integers: 115 with a scale of 2 is 1.15. A negative scale adds zeros. */
export function decimal(scale: number): ValueText {
  const text = (value: number | bigint | Uint8Array) => {
    const unscaled = value instanceof Uint8Array ? bigEndian(value) : BigInt(value);
    const negative = unscaled < 0n;
    const digits = (negative ? -unscaled : unscaled).toString();
    if (scale <= 0) return `${negative ? '-' : ''}${digits}${unscaled === 0n ? '' : '0'.repeat(-scale)}`;
    const padded = digits.padStart(scale + 1, '0');
    return `${negative ? '-' : ''}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
  };
  return scalar(text, false);
}

/** A signed integer of any length, most significant byte first. */
function bigEndian(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n;
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return BigInt.asIntN(bytes.length * 8, value);
}

/** Days since 1970. */
export const DATE: ValueText = scalar((days: number | bigint) => dateText(BigInt(days)), true);

/** A time of day in units since midnight. */
export function time(unit: TimeUnit): ValueText {
  return scalar((value: number | bigint) => clockText(BigInt(value), unit), true);
}

/** A moment in units since 1970, in UTC where `zone` is null: with an offset where there is a time zone. */
export function timestamp(unit: TimeUnit, zone: string | null): ValueText {
  const offsetAt = zone === null ? null : zoneOffset(zone);
  const perDay = PER_SECOND[unit] * DAY_SECONDS;
  const text = (value: number | bigint) => {
    const utc = BigInt(value);
    const minutes = offsetAt ? offsetAt(utc / PER_SECOND[unit]) : 0;
    const local = utc + BigInt(minutes) * 60n * PER_SECOND[unit];
    const days = floorDivide(local, perDay);
    const shown = `${dateText(days)} ${clockText(local - days * perDay, unit)}`;
    return offsetAt ? `${shown}${offsetText(minutes)}` : shown;
  };
  return scalar(text, true);
}

/** A length of time, as Python shows it: “1 day, 0:00:05”. */
export function duration(unit: TimeUnit): ValueText {
  const perDay = PER_SECOND[unit] * DAY_SECONDS;
  const text = (value: number | bigint) => {
    const all = BigInt(value);
    const days = floorDivide(all, perDay);
    const clock = clockText(all - days * perDay, unit).replace(/^0/, '');
    if (days === 0n) return clock;
    return `${days} day${days === 1n || days === -1n ? '' : 's'}, ${clock}`;
  };
  return scalar(text, true);
}

/** Bytes that are text stay text; others are written as Python writes them, b'\xff'. */
export function bytes(counts: ValueCounts): ValueText {
  const text = (value: Uint8Array) => {
    const read = utf8(value);
    if (read !== null) return read;
    counts.bytes++;
    if (value.length > MOST_BYTES) return '';
    let shown = '';
    for (const byte of value) {
      shown += byte >= 0x20 && byte < 0x7f && byte !== 0x5c ? String.fromCharCode(byte) : `\\x${hex(byte)}`;
    }
    return `b'${shown}'`;
  };
  return scalar(text, true);
}

/** Longer values that are no text, pictures for instance, are left out of cells. */
const MOST_BYTES = 64;
const strict = new TextDecoder('utf-8', { fatal: true });

function utf8(value: Uint8Array): string | null {
  try {
    const text = strict.decode(value);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: their presence is what tells bytes from text.
    return /[\0-\x08\x0e-\x1f]/.test(text) ? null : text;
  } catch {
    return null;
  }
}

const hex = (byte: number) => byte.toString(16).padStart(2, '0');

export const UUID: ValueText = scalar((value: Uint8Array | string) => {
  if (typeof value === 'string') return value;
  const digits = Array.from(value, hex).join('');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}, true);

export function list(inner: ValueText): ValueText {
  const json = (value: unknown) =>
    `[${Array.from(value as ArrayLike<unknown>, (item) => orNull(inner, item)).join(',')}]`;
  return { nested: true, cell: json, json };
}

export function struct(fields: readonly [name: string, type: ValueText][]): ValueText {
  const keys = fields.map(([name]) => JSON.stringify(name));
  const json = (value: unknown) => {
    const record = value as Record<string, unknown>;
    return `{${fields.map(([name, type], i) => `${keys[i]}:${orNull(type, record[name])}`).join(',')}}`;
  };
  return { nested: true, cell: json, json };
}

/** Pairs of keys and values, or an object of them, as a JSON object. */
export function map(key: ValueText, value: ValueText): ValueText {
  const json = (entries: unknown) => {
    const pairs = (Array.isArray(entries) ? entries : Object.entries(entries as object)) as [
      unknown,
      unknown,
    ][];
    return `{${pairs.map(([k, v]) => `${JSON.stringify(orEmpty(key, k))}:${orNull(value, v)}`).join(',')}}`;
  };
  return { nested: true, cell: json, json };
}

/** Says in notes what became of values that are no numbers or no text. */
export function noteCounts(counts: ValueCounts, notes: string[]): void {
  const values = (count: number) => (count === 1 ? '1 value is' : `${count.toLocaleString('en')} values are`);
  if (counts.notANumber > 0)
    notes.push(`${values(counts.notANumber)} no number (NaN or infinite) and became empty.`);
  if (counts.bytes > 0) {
    notes.push(
      `${values(counts.bytes)} bytes, not text; they are written as b'\\x…', longer ones (pictures, sounds) are left out.`,
    );
  }
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}

/** A date of the proleptic Gregorian calendar; `Date` has no years beyond 275760. */
function dateText(days: bigint): string {
  const date = new Date(Number(days) * 86_400_000);
  if (Number.isNaN(date.getTime())) return `day ${days}`;
  const year = date.getUTCFullYear();
  const shown =
    year < 0 || year > 9999
      ? `${year < 0 ? '-' : '+'}${String(Math.abs(year)).padStart(6, '0')}`
      : String(year).padStart(4, '0');
  return `${shown}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
}

/** Hours, minutes, seconds; a fraction of six digits where there is one, of nine where six do not hold it. */
function clockText(units: bigint, unit: TimeUnit): string {
  const per = PER_SECOND[unit];
  const seconds = Number(units / per);
  const nanoseconds = (units % per) * (PER_SECOND.ns / per);
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  if (nanoseconds === 0n) return clock;
  const fraction = nanoseconds.toString().padStart(9, '0');
  return `${clock}.${fraction.endsWith('000') ? fraction.slice(0, 6) : fraction}`;
}

const two = (value: number) => String(value).padStart(2, '0');

function offsetText(minutes: number): string {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** Minutes that a time zone is ahead of UTC at a moment in seconds. Zones that are not known count as UTC. */
function zoneOffset(zone: string): (seconds: bigint) => number {
  const fixed = /^([+-])(\d\d):?(\d\d)$/.exec(zone);
  if (fixed) {
    const minutes = (Number(fixed[2]) * 60 + Number(fixed[3])) * (fixed[1] === '-' ? -1 : 1);
    return () => minutes;
  }
  if (/^(utc|z|gmt|etc\/utc)$/i.test(zone)) return () => 0;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  } catch {
    return () => 0;
  }
  return (seconds) => {
    const date = new Date(Number(seconds) * 1000);
    if (Number.isNaN(date.getTime())) return 0;
    const shown = format.formatToParts(date).find(({ type }) => type === 'timeZoneName')?.value ?? '';
    const offset = /([+-])(\d\d):(\d\d)/.exec(shown);
    return offset ? (Number(offset[2]) * 60 + Number(offset[3])) * (offset[1] === '-' ? -1 : 1) : 0;
  };
}
