/** Streams that are dragged: from the panel or a tab's head, onto the plot of a tab. */
import { readSource, type Source } from './source';

const TYPE = 'application/vnd.jupyter-sio.stream+json';
const OVER = 'jsiolab-drop';

/** Let an element be dragged as a stream. */
export function carry(element: HTMLElement, source: () => Source | null): void {
  element.draggable = true;
  element.addEventListener('dragstart', event => {
    const carried = source();
    if (!carried || !event.dataTransfer) return;
    event.dataTransfer.setData(TYPE, JSON.stringify(carried));
    event.dataTransfer.effectAllowed = 'copy';
    event.stopPropagation();
  });
}

/** Take streams that are dropped on an element. */
export function receive(
  element: HTMLElement,
  take: (source: Source) => void,
  signal: AbortSignal,
): void {
  const over = (event: DragEvent): void => {
    if (!event.dataTransfer?.types.includes(TYPE)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
    element.classList.add(OVER);
  };
  const away = (event: DragEvent): void => {
    const { relatedTarget } = event;
    if (relatedTarget instanceof Node && element.contains(relatedTarget)) return;
    element.classList.remove(OVER);
  };
  const drop = (event: DragEvent): void => {
    const source = readDropped(event.dataTransfer?.getData(TYPE) ?? '');
    element.classList.remove(OVER);
    if (!source) return;
    event.preventDefault();
    take(source);
  };
  element.addEventListener('dragenter', over, { signal });
  element.addEventListener('dragover', over, { signal });
  element.addEventListener('dragleave', away, { signal });
  element.addEventListener('drop', drop, { signal });
}

/** Anything may be dropped, also by another page. */
function readDropped(text: string): Source | null {
  try {
    return readSource(JSON.parse(text));
  } catch {
    return null;
  }
}
