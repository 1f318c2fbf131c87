/** The events that went by, and what was sent and answered: as much as one reads. */

export interface Line {
  /** ms since 1970. */
  time: number;
  way: 'came' | 'sent' | 'answered' | 'refused';
  event: string;
  text: string;
}

const MOST_LINES = 200;
const MOST_LETTERS = 2_000;

/** Dispatches `change` with every line. */
export class EventLog extends EventTarget {
  /** The newest last. */
  lines: readonly Line[] = [];

  add(way: Line['way'], event: string, text: string, time: number): void {
    const line = { way, event, text: text.slice(0, MOST_LETTERS), time };
    this.lines = [...this.lines.slice(1 - MOST_LINES), line];
    this.dispatchEvent(new Event('change'));
  }

  clear(): void {
    this.lines = [];
    this.dispatchEvent(new Event('change'));
  }
}

/** Arguments as JSON, without the list around them; binary ones by their size. */
export function tellArguments(args: readonly unknown[]): string {
  return args.map(tellValue).join(', ');
}

export function tellValue(value: unknown): string {
  const text = JSON.stringify(value, (_key, inner: unknown) => {
    if (inner instanceof ArrayBuffer || ArrayBuffer.isView(inner)) {
      return `<${inner.byteLength} bytes>`;
    }
    return inner;
  }) as string | undefined;
  return text ?? 'null';
}

/**
 * Read what somebody typed as an event's arguments: JSON values with commas between them.
 *
 * @throws SyntaxError - with words for the reader
 */
export function readArguments(text: string): unknown[] {
  try {
    return JSON.parse(`[${text}]`) as unknown[];
  } catch {
    throw new SyntaxError('arguments are JSON, with commas between them: 0.01, "fast", {"a": 1}');
  }
}
