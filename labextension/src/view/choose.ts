/** Which view shows a stream best, by its media and the shape of its rows. */
import { ARROW, type Mode, NDJSON } from '../protocol/messages';
import type { Kind } from '../protocol/payload';
import { WIDGET_COLUMNS } from '../protocol/widgetState';
import { isLog } from './lines';

export type Kinds = ReadonlyMap<string, Kind>;

/** What is known of a stream. */
export interface Facts {
  media: string;
  mode: Mode;
  /** Rows that came. */
  rows: number;
  columns: Kinds;
}

export type Name = 'controls' | 'plot' | 'values' | 'table' | 'log' | 'image' | 'octets';

const MOST_VALUES = 12;
/** Columns that others are drawn by, the likeliest first. */
const X_NAMES = [
  'time',
  'timestamp',
  't',
  'ts',
  'step',
  'global_step',
  'iteration',
  'iter',
  'epoch',
  'batch',
  'x',
  'n',
  'i',
  'index',
  'elapsed',
  'seconds',
];

/** The views that can show a stream, the best first; none while nothing is known of its rows. */
export function choose({ media, mode, rows, columns }: Facts): Name[] {
  if (media.startsWith('image/')) return ['image'];
  if (media !== ARROW && media !== NDJSON) return ['octets'];
  if (columns.size === 0) return [];
  if (media === NDJSON && WIDGET_COLUMNS.every(name => columns.has(name))) return ['controls'];
  const numeric = [...columns.values()].every(kind => kind === 'number' || kind === 'time');
  const drawn = [...columns.values()].includes('number');
  const best = bestOf({ mode, rows, columns, numeric: numeric && drawn });
  const possible: Name[] = [
    ...(drawn ? (['plot'] as const) : []),
    ...(columns.size <= MOST_VALUES ? (['values'] as const) : []),
    'table',
    'log',
  ];
  return [best, ...possible.filter(name => name !== best)];
}

type Shape = Omit<Facts, 'media'> & { numeric: boolean };

function bestOf({ mode, rows, columns, numeric }: Shape): Name {
  const few = columns.size <= MOST_VALUES;
  if (isLog(columns)) return mode === 'latest' && few ? 'values' : 'log';
  if (few && (mode === 'latest' || rows <= 1)) return 'values';
  return numeric ? 'plot' : 'table';
}

/** The column to draw several streams by, which all of them have; null for the row's number. */
export function commonX(all: readonly Kinds[]): string | null {
  const [first, ...others] = all.filter(columns => columns.size > 0);
  const x = first ? chooseX(first) : null;
  return x !== null && others.every(columns => columns.get(x) === first!.get(x)) ? x : null;
}

/** The column to draw the others by; null for the row's number. */
export function chooseX(columns: Kinds): string | null {
  for (const [name, kind] of columns) if (kind === 'time') return name;
  const numbers = [...columns].filter(([, kind]) => kind === 'number').map(([name]) => name);
  if (numbers.length < 2) return null;
  const named = X_NAMES.flatMap(wanted => numbers.filter(name => name.toLowerCase() === wanted));
  return named[0] ?? null;
}
