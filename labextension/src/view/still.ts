/**
 * What is left of a view in a saved notebook: a picture or a few words, which are read without a
 * kernel, and without our code.
 */
import { formatTime } from './format';
import { make } from './dom';
import { trans } from '../words';

/** By MIME type, as Jupyter has it. */
export interface Still {
  data: Record<string, string>;
  metadata: Record<string, object>;
}

/** Every MIME type that a still may have beside text. */
export const PICTURES = ['image/png', 'image/jpeg', 'text/html'] as const;
/** A picture of more bytes is saved smaller. */
export const MOST_BYTES = 512 * 1024;

/** A picture of a canvas; `width` and `height`, in CSS pixels, are how large it is shown. */
export function stillOf(canvas: HTMLCanvasElement, width: number, height: number): Still {
  let [type, data] = ['image/png', canvas.toDataURL('image/png')];
  if (data.length > (4 / 3) * MOST_BYTES) {
    [type, data] = ['image/jpeg', canvas.toDataURL('image/jpeg', 0.85)];
  }
  const size = { width: Math.round(width), height: Math.round(height) };
  return { data: { [type]: data.slice(data.indexOf(',') + 1) }, metadata: { [type]: size } };
}

/** A column of a table that is kept. */
export interface StillColumn {
  name: string;
  /** Numbers are aligned at their end, words at their beginning. */
  side: 'left' | 'right';
}

/** A table as HTML and as text; `note` says what of it is shown. */
export function tableStill(
  columns: readonly StillColumn[],
  rows: readonly (readonly string[])[],
  note: string,
): Still {
  const lines = [columns.map(({ name }) => name), ...rows];
  const pad = columns.map(({ side }, index) => {
    const width = Math.max(...lines.map(line => line[index]!.length));
    return (cell: string) => (side === 'right' ? cell.padStart(width) : cell.padEnd(width));
  });
  const text = lines.map(line =>
    line
      .map((cell, index) => pad[index]!(cell))
      .join('  ')
      .trimEnd(),
  );
  const html = `${htmlTable(columns, lines)}\n<p>${escaped(note)}</p>`;
  return { data: { 'text/plain': [...text, note].join('\n'), 'text/html': html }, metadata: {} };
}

export const textStill = (text: string): Still => ({ data: { 'text/plain': text }, metadata: {} });

/** Each cell says its side: where notebooks are shown, all are at the right, or at the left. */
function htmlTable(
  columns: readonly StillColumn[],
  [head, ...rows]: readonly (readonly string[])[],
): string {
  const cell = (text: string, index: number, kind: 'th' | 'td'): string =>
    `<${kind} style="text-align: ${columns[index]!.side}">${escaped(text)}</${kind}>`;
  const line = (cells: readonly string[], kind: 'th' | 'td'): string =>
    `<tr>${cells.map((text, index) => cell(text, index, kind)).join('')}</tr>`;
  const body = rows.map(cells => line(cells, 'td')).join('\n');
  return `<table>\n<thead>${line(head!, 'th')}</thead>\n<tbody>\n${body}\n</tbody>\n</table>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A text as HTML that says the same. */
const escaped = (text: string): string => text.replace(/[&<>"']/g, found => ENTITIES[found]!);

/** What an output holds, as read from a file. */
export interface Saved {
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Show what was saved. Of its HTML nothing is used: its text says the same. */
export function showStill({ data, metadata }: Saved, saved: number): HTMLElement {
  const root = make('figure', 'jsio-still');
  const type = PICTURES.find(each => each !== 'text/html' && typeof data[each] === 'string');
  const caption = trans.__('As saved at %1', formatTime(Math.floor(saved / 1000) * 1000));
  if (type) {
    const image = make('img', 'jsio-still-picture');
    image.src = `data:${type};base64,${(data[type] as string).replaceAll('\n', '')}`;
    image.alt = caption;
    const size = metadata[type] as { width?: unknown } | undefined;
    if (typeof size?.width === 'number') image.width = size.width;
    root.append(image);
  } else {
    root.append(make('pre', 'jsio-still-text', textOf(data['text/plain'])));
  }
  root.append(make('figcaption', '', caption));
  return root;
}

/** nbformat has a text as one, or as its lines. */
const textOf = (value: unknown): string =>
  Array.isArray(value) ? value.join('') : typeof value === 'string' ? value : '';
