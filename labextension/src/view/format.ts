/** Numbers and times as text. */
import { trans } from '../words';

const grouped = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });

/** A number of rows, with the reader's own thousands separator. */
export const formatCount = (rows: number): string => grouped.format(rows);

/** A size, to three digits. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return trans._n('%1 byte', '%1 bytes', bytes);
  const power = Math.min(3, Math.floor(Math.log10(bytes) / 3));
  const size = bytes / 1000 ** power;
  return `${size.toFixed(size < 10 ? 1 : 0)} ${['', 'kB', 'MB', 'GB'][power]!}`;
}

/** A number as a reader wants it beside others: six significant digits, no needless zeros. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : '−∞';
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e15) return grouped.format(value + 0); // no minus before 0
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return exponential(value, 5);
  return String(Number(value.toPrecision(6)));
}

/** A tick's label, with the digits that tell it from its neighbour `step` away. */
export function formatTick(value: number, step: number): string {
  const size = Math.max(Math.abs(value), step);
  if (value !== 0 && (size >= 1e7 || size < 1e-4)) {
    return exponential(value, Math.max(0, magnitude(value) - magnitude(step)));
  }
  const digits = decimals(step);
  return value.toLocaleString(undefined, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** How many decimals it takes to write `step` to two significant digits: 2.5 has one. */
function decimals(step: number): number {
  const [, fraction = ''] = withoutZeros(
    step.toFixed(Math.min(20, 1 - Math.min(1, magnitude(step)))),
  ).split('.');
  return fraction.length;
}

function magnitude(value: number): number {
  return value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)) + 1e-9);
}

function exponential(value: number, digits: number): string {
  const [mantissa = '', exponent = '0'] = value.toExponential(Math.min(20, digits)).split('e');
  return `${withoutZeros(mantissa)}e${Number(exponent)}`;
}

function withoutZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

const two = (part: number): string => String(part).padStart(2, '0');

/** A time of day, with milliseconds only where there are any. */
export function formatClock(ms: number, zoned = true): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return trans.__('no time');
  const parts = zoned
    ? [date.getHours(), date.getMinutes(), date.getSeconds()]
    : [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()];
  const fraction = date.getUTCMilliseconds();
  const tail = fraction ? `.${String(fraction).padStart(3, '0')}` : '';
  return parts.map(two).join(':') + tail;
}

/** A date and time of day; wall-clock times (not `zoned`) as they were written. */
export function formatTime(ms: number, zoned = true): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return trans.__('no time');
  const day = zoned
    ? [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    : [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
  return `${day.map(two).join('-')} ${formatClock(ms, zoned)}`;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

/** Labels of ticks `step` ms apart; the day stands below the first, and where it changes. */
export function formatTimes(times: readonly number[], step: number, zoned: boolean): string[] {
  let before = '';
  return times.map(time => {
    const [day = '', clock = ''] = formatTime(time, zoned).split(' ');
    if (step >= DAY) return day;
    const short = step >= MINUTE ? clock.slice(0, 5) : step >= SECOND ? clock.slice(0, 8) : clock;
    const label = day === before ? short : `${short}\n${day}`;
    before = day;
    return label;
  });
}

/**
 * The millisecond that a time is in. uPlot itself rounds, and then sets its ticks one too early
 * where a scale begins in the second half of a millisecond: at 11:59:59.999.
 */
export const dateOf = (ms: number): Date => new Date(Math.floor(ms));

/** In CSS pixels, at the size of an axis' labels: `19:00:36` and `19:00:36.750` with some air. */
const [CLOCK_WIDTH, FINE_CLOCK_WIDTH] = [64, 96];

/**
 * How far apart, in CSS pixels, ticks must be for the labels of their times not to touch. Below a
 * second, uPlot's longest step is the half of one.
 */
export const timeSpace = (msPerPixel: number): number =>
  CLOCK_WIDTH * msPerPixel <= SECOND / 2 ? FINE_CLOCK_WIDTH : CLOCK_WIDTH;

/**
 * The ticks of a logarithmic axis: 1 … 9 times each power of ten, or, where these are many, powers
 * of ten alone, of which there are `most` at most.
 */
export function logTicks(min: number, max: number, most = 12): number[] {
  const [first, last] = [Math.floor(Math.log10(min)), Math.floor(Math.log10(max))];
  const every = Math.max(1, Math.ceil((last - first) / most));
  const digits = last - first > most / 2 ? [1] : [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const ticks: number[] = [];
  for (let power = first; power <= last; power += every) {
    for (const digit of digits) ticks.push(digit * 10 ** power);
  }
  return ticks.filter(tick => tick >= min && tick <= max);
}

/** Label the powers of ten; where fewer than two are in view, every tick. */
export function logLabels(ticks: readonly number[]): string[] {
  const arePowers = ticks.map(tick => Number(tick.toExponential(9).split('e')[0]) === 1);
  const enough = arePowers.filter(Boolean).length >= 2;
  return ticks.map((tick, index) => {
    if (enough && !arePowers[index]) return '';
    return tick >= 1e6 || tick < 1e-4 ? exponential(tick, 5) : formatNumber(tick);
  });
}

const SPEC = /^([+ ]?)([,_]?)(?:\.(\d+))?([deEfFgG%]?)$/;

/** Whether `formatSpec` understands this part of Python's format language. */
export const isSpec = (spec: string): boolean => SPEC.test(spec);

/**
 * Format a number as Python's `format(value, spec)` would: sign, grouping, precision and type.
 * What is not understood is shown as `formatNumber` shows it.
 */
export function formatSpec(value: number, spec: string): string {
  const parts = SPEC.exec(spec);
  if (!spec || !parts || !Number.isFinite(value)) return formatNumber(value);
  const [, sign = '', group = '', precision, type = ''] = parts;
  const body = unsigned(Math.abs(value), type, precision === undefined ? null : Number(precision));
  const negative = value < 0 || Object.is(value, -0);
  return (negative ? '-' : sign) + (group ? groupDigits(body, group) : body);
}

function unsigned(value: number, type: string, precision: number | null): string {
  const digits = Math.min(100, precision ?? 6);
  switch (type) {
    case 'd':
      return value.toFixed(0);
    case 'f':
    case 'F':
      return value.toFixed(digits);
    case '%':
      return `${(value * 100).toFixed(digits)}%`;
    case 'e':
    case 'E':
      return pythonExponent(value.toExponential(digits), type);
    case 'g':
    case 'G':
      return general(value, digits, type);
    default:
      return precision === null ? String(value) : general(value, digits, 'g');
  }
}

function general(value: number, digits: number, type: 'g' | 'G'): string {
  const precision = Math.max(1, digits);
  const exponent = Number(value.toExponential(precision - 1).split('e')[1]);
  if (exponent >= -4 && exponent < precision) {
    return withoutZeros(value.toFixed(Math.min(100, precision - 1 - exponent)));
  }
  const [mantissa = '', power = ''] = value.toExponential(precision - 1).split('e');
  return pythonExponent(`${withoutZeros(mantissa)}e${power}`, type === 'g' ? 'e' : 'E');
}

/** Python writes at least two digits of an exponent: 1e+05. */
function pythonExponent(text: string, letter: string): string {
  const [mantissa = '', power = '+0'] = text.split('e');
  return `${mantissa}${letter}${power.charAt(0)}${power.slice(1).padStart(2, '0')}`;
}

function groupDigits(text: string, separator: string): string {
  return text.replace(/^\d+/, whole => whole.replace(/\B(?=(\d{3})+$)/g, separator));
}
