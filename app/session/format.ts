/** @file Numbers in words: bytes, times, losses. English throughout, so that a screenshot means the same everywhere. */

/** Bytes as people count them: "5.1 MB". */
export function bytes(count: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB'];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** A count with thousands set apart: "21,400". */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** A large count in short: "2.6 M", "21 k". */
export function short(value: number): string {
  if (value >= 1e9) return `${trim(value / 1e9)} B`;
  if (value >= 1e6) return `${trim(value / 1e6)} M`;
  if (value >= 1e3) return `${trim(value / 1e3)} k`;
  return trim(value);
}

/** Three figures of a loss, a norm or a rate; tiny ones in powers of ten. */
export function figures(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'not a number' : '∞';
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size < 1e-4) return value.toExponential(1);
  if (size >= 1000) return count(value);
  return value.toFixed(Math.max(0, Math.min(5, 2 - Math.floor(Math.log10(size)))));
}

/** A share as a percentage: "97 %", "97.5 %". */
export function percent(share: number): string {
  const value = share * 100;
  return `${Number.isInteger(Number(value.toFixed(1))) ? value.toFixed(0) : value.toFixed(1)} %`;
}

/** Milliseconds as a person would say them: "0.8 s", "42 s", "3 min 05 s", "2 h 10 min". */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

function trim(value: number): string {
  return value >= 100 ? value.toFixed(0) : Number(value.toPrecision(2)).toString();
}

function two(value: number): string {
  return value.toString().padStart(2, '0');
}
