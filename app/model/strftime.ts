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

/** The date in local time; directives that are not known here stay as they are. */
export function formatTime(date: Date, format: string): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const values: Record<string, string> = {
    Y: String(date.getFullYear()),
    y: two(date.getFullYear() % 100),
    m: two(date.getMonth() + 1),
    d: two(date.getDate()),
    e: String(date.getDate()).padStart(2, ' '),
    B: MONTHS[date.getMonth()],
    b: MONTHS[date.getMonth()].slice(0, 3),
    A: DAYS[date.getDay()],
    a: DAYS[date.getDay()].slice(0, 3),
    H: two(date.getHours()),
    I: two(date.getHours() % 12 || 12),
    M: two(date.getMinutes()),
    S: two(date.getSeconds()),
    p: date.getHours() < 12 ? 'AM' : 'PM',
    '%': '%',
  };
  // `%-d` is the day without its leading zero.
  const directive = /%(-?)([A-Za-z%])/g;
  return format.replace(directive, (whole, bare: string, letter: string) => {
    const value = values[letter];
    if (value === undefined) return whole;
    return bare ? value.replace(/^[0 ](?=.)/, '') : value;
  });
}
