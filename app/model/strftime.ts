/** @file Dates as Python's `strftime` writes them in its own locale, whatever language the browser speaks. */

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const DAY = 86_400_000;

/** A directive's text, and how far and with what it is filled up. */
interface Field {
  text: string;
  width?: number;
  fill?: string;
}

const number = (value: number, width = 2, fill = '0'): Field => ({ text: String(value), width, fill });

const fields: Record<string, (date: Date) => Field> = {
  A: (date) => ({ text: DAYS[date.getDay()] }),
  a: (date) => ({ text: DAYS[date.getDay()].slice(0, 3) }),
  B: (date) => ({ text: MONTHS[date.getMonth()] }),
  b: (date) => ({ text: MONTHS[date.getMonth()].slice(0, 3) }),
  C: (date) => number(Math.floor(date.getFullYear() / 100)),
  c: composed('%a %b %e %H:%M:%S %Y'),
  D: composed('%m/%d/%y'),
  d: (date) => number(date.getDate()),
  e: (date) => number(date.getDate(), 2, ' '),
  F: composed('%Y-%m-%d'),
  f: (date) => number(date.getMilliseconds() * 1000, 6),
  G: (date) => number(isoWeek(date).year, 4),
  g: (date) => number(isoWeek(date).year % 100),
  H: (date) => number(date.getHours()),
  h: (date) => fields.b(date),
  I: (date) => number(date.getHours() % 12 || 12),
  j: (date) => number(dayOfYear(date) + 1, 3),
  k: (date) => number(date.getHours(), 2, ' '),
  l: (date) => number(date.getHours() % 12 || 12, 2, ' '),
  M: (date) => number(date.getMinutes()),
  m: (date) => number(date.getMonth() + 1),
  n: () => ({ text: '\n' }),
  P: (date) => ({ text: date.getHours() < 12 ? 'am' : 'pm' }),
  p: (date) => ({ text: date.getHours() < 12 ? 'AM' : 'PM' }),
  R: composed('%H:%M'),
  r: composed('%I:%M:%S %p'),
  S: (date) => number(date.getSeconds()),
  T: composed('%H:%M:%S'),
  t: () => ({ text: '\t' }),
  U: (date) => number(Math.floor((dayOfYear(date) + 7 - date.getDay()) / 7)),
  u: (date) => number(date.getDay() || 7, 1),
  V: (date) => number(isoWeek(date).week),
  W: (date) => number(Math.floor((dayOfYear(date) + 7 - ((date.getDay() + 6) % 7)) / 7)),
  w: (date) => number(date.getDay(), 1),
  X: composed('%H:%M:%S'),
  x: composed('%m/%d/%y'),
  Y: (date) => ({ text: String(date.getFullYear()) }),
  y: (date) => number(date.getFullYear() % 100),
  // Python's plain dates know no time zone.
  Z: () => ({ text: '' }),
  z: () => ({ text: '' }),
  '%': () => ({ text: '%' }),
};

/**
 * The date in local time; directives that are not known stay as they are. Flags as on Linux: `%-d` the day without its
 * zero, `%_d` with a space in its place, `%^b` in capitals.
 */
export function formatTime(date: Date, format: string): string {
  return format.replace(/%([-_0^#]?)([A-Za-z%])/g, (whole, flag: string, letter: string) => {
    if (!Object.hasOwn(fields, letter)) return whole;
    const { text, width = 0, fill = '0' } = fields[letter](date);
    if (flag === '-') return text;
    if (flag === '^') return text.toUpperCase();
    if (flag === '#') return letter === 'p' ? text.toLowerCase() : text.toUpperCase();
    return text.padStart(width, flag === '_' ? ' ' : flag === '0' ? '0' : fill);
  });
}

function composed(format: string): (date: Date) => Field {
  return (date) => ({ text: formatTime(date, format) });
}

/** Days since the first of January; unmoved by daylight saving. */
function dayOfYear(date: Date): number {
  const day = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((day - Date.UTC(date.getFullYear(), 0, 1)) / DAY);
}

/** The ISO week is that of the week's Thursday. */
function isoWeek(date: Date): { year: number; week: number } {
  const weekday = (date.getDay() + 6) % 7;
  const thursday = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 3 - weekday);
  return { year: thursday.getFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 };
}
