/** One stream in the main area: the view of the viewer page, with its choice and its downloads. */
import { connect, type StreamInfo } from '../client';
import { Card } from '../page/card';
import { ARROW } from '../protocol/messages';
import type { KernelTarget } from '../protocol/target';
import type { Directory } from './directory';
import { kernelFor } from './kernel';

/** What a tab shows. */
export interface Shown {
  kernelId: string;
  /** Of the notebook; its next kernel takes the place of one that has ended. */
  path: string;
  stream: string;
}

/** What stands above and below a plot. */
const BESIDE_PX = 150;

export class StreamTab {
  private kernelId = '';
  private card: Card | null = null;
  private current = new AbortController();

  constructor(
    private readonly place: HTMLElement,
    private readonly directory: Directory,
    private readonly shown: Shown,
    private readonly target: (kernelId: string) => KernelTarget,
    /** Whether the reader may send events. */
    private readonly maySend: () => boolean,
    signal: AbortSignal,
  ) {
    directory.addEventListener('change', this.choose, { signal });
    signal.addEventListener('abort', () => {
      this.current.abort();
    });
    this.fit(signal);
    this.choose();
  }

  private readonly choose = (): void => {
    const held = this.kernelId || this.shown.kernelId;
    const kernelId = kernelFor(this.directory.kernels, { ...this.shown, kernelId: held });
    if (kernelId !== this.kernelId) this.show(kernelId);
  };

  /** A plot is as high as the tab, also when that changes. */
  private fit(signal: AbortSignal): void {
    let height = this.place.clientHeight;
    const observer = new ResizeObserver(() => {
      const now = this.place.clientHeight;
      if (now === height || now === 0) return; // 0: behind another tab
      height = now;
      this.card?.fit();
    });
    observer.observe(this.place);
    signal.addEventListener('abort', () => {
      observer.disconnect();
    });
  }

  private show(kernelId: string): void {
    this.kernelId = kernelId;
    this.current.abort();
    this.current = new AbortController();
    const { signal } = this.current;
    const connection = connect(this.target(kernelId), { name: 'tab', signal });
    const { stream } = this.shown;
    const known = this.directory.kernels.get(kernelId)?.streams;
    const info = known?.find(each => each.stream === stream) ?? unknown(stream);
    const nothing = (): void => undefined;
    const plotRoom = (): number => this.place.clientHeight - BESIDE_PX;
    const board = { paused: false, begun: nothing, came: nothing, may: this.maySend, plotRoom };
    this.card = new Card(info, connection, board, signal);
    this.place.replaceChildren(this.card.element);
  }
}

/** A stream of which nothing is known yet; what it is shows when its rows come. */
const unknown = (stream: string): StreamInfo => ({
  id: 0,
  stream,
  media: ARROW,
  mode: 'every',
  epoch: '',
  first: 0,
  next: 0,
  ended: false,
});
