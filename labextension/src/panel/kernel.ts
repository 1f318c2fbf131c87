/** What the directory tells of a kernel. Source: protocol.md §4. */
import { readStreams, type StreamInfo } from '../protocol/messages';

export interface Stream extends StreamInfo {
  /** Of history that the server holds. */
  bytes: number;
  rowsPerSecond: number;
  bytesPerSecond: number;
}

export interface Kernel {
  id: string;
  /** Of its notebook; empty for a kernel that belongs to none. */
  name: string;
  path: string;
  /** `dead` is shown as ended. */
  state: string;
  publisher: string;
  /** Of the last change of state, ms since 1970. */
  since: number;
  /** When its present process was first heard of, ms since 1970. */
  started: number;
  streams: readonly Stream[];
  viewers: number;
}

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

const figure = (value: unknown): number => (typeof value === 'number' ? value : 0);

/**
 * Read one entry.
 *
 * @throws BadMessage - where a stream of it is none
 */
export function readKernel(value: unknown): Kernel | null {
  if (!isFields(value) || text(value.kernel_id) === '') return null;
  return {
    id: text(value.kernel_id),
    name: text(value.name),
    path: text(value.path),
    state: text(value.state),
    publisher: text(value.publisher),
    since: figure(value.since),
    started: figure(value.started),
    streams: readFigures(value.streams),
    viewers: figure(value.viewers),
  };
}

function readFigures(value: unknown): Stream[] {
  const entries = Array.isArray(value) ? (value as Fields[]) : [];
  return readStreams([entries]).map((info, index) => ({
    ...info,
    bytes: figure(entries[index]!.bytes),
    rowsPerSecond: figure(entries[index]!.rows_per_second),
    bytesPerSecond: figure(entries[index]!.bytes_per_second),
  }));
}

export const hasEnded = (kernel: Kernel): boolean => kernel.state === 'dead';

export const nameOf = (kernel: Kernel): string => kernel.name || kernel.id.slice(0, 8);

/** Those that run first, then by name. */
export const inOrder = (kernels: Iterable<Kernel>): Kernel[] =>
  [...kernels].sort(
    (a, b) =>
      Number(hasEnded(a)) - Number(hasEnded(b)) ||
      nameOf(a).localeCompare(nameOf(b)) ||
      a.id.localeCompare(b.id),
  );

/** The kernel to show: the one there was while it runs, else its notebook's next one. */
export function kernelFor(
  kernels: ReadonlyMap<string, Kernel>,
  { kernelId, path }: { kernelId: string; path: string },
): string {
  const held = kernels.get(kernelId);
  if ((held && !hasEnded(held)) || path === '') return kernelId;
  const next = [...kernels.values()].find(each => each.path === path && !hasEnded(each));
  return next?.id ?? kernelId;
}
