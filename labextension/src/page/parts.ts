/** Pieces that every part of the page is built of. */
import { make } from '../view/dom';

export function button(text: string, act: () => void, className = ''): HTMLButtonElement {
  const element = make('button', className, text);
  element.type = 'button';
  element.addEventListener('click', act);
  return element;
}

export function link(text: string, href: string, className = ''): HTMLAnchorElement {
  const element = make('a', className, text);
  element.href = href;
  return element;
}

/** A page of words alone. */
export function explain(place: HTMLElement, title: string, ...rest: (string | Node)[]): void {
  const box = make('main', 'page-words');
  box.append(make('h1', '', title));
  for (const each of rest) {
    const line = make('p', '');
    line.append(each);
    box.append(line);
  }
  place.replaceChildren(box);
  document.title = title;
}

/** Call now and every so many ms while somebody looks, one call at a time. */
export function repeatedly(act: () => Promise<void>, ms: number, signal: AbortSignal): void {
  const turn = async (): Promise<void> => {
    if (document.visibilityState === 'visible') await act();
    if (!over()) setTimeout(() => void turn(), ms);
  };
  const over = (): boolean => signal.aborted;
  void turn();
}

/** Put a file into the reader's downloads. */
export function download(name: string, parts: BlobPart[], type: string): void {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const anchor = link('', url);
  anchor.download = name;
  anchor.click();
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 60_000);
}

/** A stream's name as a file's. */
export const fileName = (stream: string, ending: string): string =>
  `${stream.replaceAll(/[^\p{L}\p{N}._-]+/gu, '_').slice(0, 80) || 'stream'}.${ending}`;

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
