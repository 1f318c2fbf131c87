/** A stream of a kernel, wherever it is named: in a tab, on its way to one, in a list to pick from. */
import { isKernelId } from '../protocol/target';
import { hasEnded, inOrder, type Kernel, nameOf, type Stream } from './kernel';

export interface Source {
  kernelId: string;
  /** Of the notebook; its next kernel takes the place of one that has ended. */
  path: string;
  stream: string;
}

/** Read a source that anybody may have written: what was dropped, or kept with a layout. */
export function readSource(value: unknown): Source | null {
  if (typeof value !== 'object' || value === null) return null;
  const { kernelId, path, stream } = value as Record<string, unknown>;
  if (typeof kernelId !== 'string' || !isKernelId(kernelId)) return null;
  if (typeof stream !== 'string' || stream === '') return null;
  return { kernelId, path: typeof path === 'string' ? path : '', stream };
}

/** Whether both are of one notebook, or of one kernel where there is none. */
export const isSame = (one: Source, other: Source): boolean =>
  one.stream === other.stream && home(one) === home(other);

export const home = ({ path, kernelId }: Source): string => path || kernelId;

/** A source with what is to be read of it: "loss – training.ipynb". */
export interface Choice {
  source: Source;
  label: string;
  stream: Stream;
}

/** Every stream of the server that `wanted` takes. */
export function choices(
  kernels: Iterable<Kernel>,
  wanted: (stream: Stream, kernel: Kernel) => boolean = () => true,
): Choice[] {
  return inOrder(kernels).flatMap(kernel =>
    kernel.streams
      .filter(stream => wanted(stream, kernel))
      .map(stream => ({
        source: { kernelId: kernel.id, path: kernel.path, stream: stream.stream },
        label: `${stream.stream} – ${hasEnded(kernel) ? kernel.id.slice(0, 8) : nameOf(kernel)}`,
        stream,
      })),
  );
}
