/** Rows as lines of a log: which column says what, and what a row says. */
import type { Kind, Table } from '../protocol/payload';
import { VALUE } from '../protocol/payload';
import { cellText, plainText } from './cell';
import { brief } from './dom';

/** The least grave first. */
export const LEVELS = ['debug', 'info', 'warning', 'error'] as const;

/** Empty where a line has none. */
export type Level = (typeof LEVELS)[number] | '';

export interface Line {
  /** ms since 1970 where it is a number; text as it stands. */
  time: number | string | null;
  zoned: boolean;
  level: Level;
  /** As the row has it. */
  label: string;
  text: string;
}

const MESSAGES = ['message', 'msg', 'text', 'line', 'log', 'event'];
const LEVEL_NAMES = ['level', 'levelname', 'severity', 'lvl'];
const TIMES = ['time', 'timestamp', 'ts', 'asctime', 'created', 'date'];
const SOURCES = ['name', 'logger', 'source', 'module'];
const LONGEST = 4_000;

/** Which column plays which part; null where no column does. */
export interface Roles {
  message: string | null;
  level: string | null;
  time: string | null;
}

export function rolesOf(columns: ReadonlyMap<string, Kind>): Roles {
  const named = (names: readonly string[], kinds: readonly Kind[]): string | null => {
    for (const [name, kind] of columns) {
      if (names.includes(name.toLowerCase()) && kinds.includes(kind)) return name;
    }
    return null;
  };
  const message = columns.get(VALUE) === 'text' ? VALUE : named(MESSAGES, ['text']);
  return {
    message,
    level: named(LEVEL_NAMES, ['text', 'number']),
    time: named(TIMES, ['time', 'text', 'number']),
  };
}

/** Whether the columns are those of a log: words, and beside them only what logs have. */
export function isLog(columns: ReadonlyMap<string, Kind>): boolean {
  const { message, level } = rolesOf(columns);
  if (message === null) return false;
  if (level !== null) return true;
  const usual = [...TIMES, ...SOURCES, message.toLowerCase()];
  return [...columns.keys()].every(name => usual.includes(name.toLowerCase()));
}

const WORDS: readonly [Level, RegExp][] = [
  ['error', /^(err|crit|fatal|emerg|alert|panic)/i],
  ['warning', /^warn/i],
  ['info', /^(info|notice)/i],
  ['debug', /^(debug|trace|verbose)/i],
];

/** Python's numbers of levels, and everybody's words. */
export function levelOf(value: unknown): Level {
  if (typeof value === 'bigint' || typeof value === 'number') {
    const number = Number(value);
    if (number >= 40) return 'error';
    return number >= 30 ? 'warning' : number >= 20 ? 'info' : 'debug';
  }
  if (typeof value !== 'string') return '';
  return WORDS.find(([, pattern]) => pattern.test(value))?.[0] ?? '';
}

/** Read a row; what has no part of its own follows the message as `name=value`. */
export function readLine(table: Table, row: number, roles: Roles): Line {
  const value = (name: string | null): unknown =>
    name === null ? null : (table.column(name)?.at(row) ?? null);
  const level = value(roles.level);
  const message = value(roles.message);
  const parts = Object.values(roles) as (string | null)[];
  const rest = table.names
    .filter(name => !parts.includes(name) && table.column(name)?.at(row) != null)
    .map(name => `${brief(name)}=${cellText(table.column(name), row)}`);
  const words = message === null ? [] : [plainText(message)];
  const time = roles.time === null ? null : table.column(roles.time);
  return {
    time: timeOf(value(roles.time), time?.kind ?? 'other'),
    zoned: time?.zoned ?? true,
    level: levelOf(level),
    label: level === null ? '' : brief(plainText(level), 20),
    text: brief([...words, ...rest].join(' '), LONGEST),
  };
}

/**
 * Whether a line has `words` in it, in any case, and is of `level` or graver; a line without a level
 * is none of these.
 */
export function matches(line: Line, words: string, level: Level): boolean {
  if (level !== '' && LEVELS.indexOf(level) > (line.level ? LEVELS.indexOf(line.level) : -1)) {
    return false;
  }
  return words === '' || `${line.label} ${line.text}`.toLowerCase().includes(words.toLowerCase());
}

function timeOf(value: unknown, kind: Kind): number | string | null {
  if (typeof value === 'string') return brief(value, 40);
  if (typeof value !== 'number' && typeof value !== 'bigint') return null;
  // Python's `created` is in seconds.
  return kind === 'time' ? Number(value) : Number(value) * 1000;
}
