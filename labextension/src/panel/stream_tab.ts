/**
 * A stream in the main area: the view of the viewer page, with its choice and its downloads. Others
 * may be put into its plot, also of other kernels.
 */
import type { StreamInfo } from '../client';
import { Card } from '../page/card';
import { ARROW, NDJSON } from '../protocol/messages';
import type { KernelTarget } from '../protocol/target';
import { make, setText } from '../view/dom';
import { lease } from '../widget/pool';
import { trans } from '../words';
import { carry, receive } from './carry';
import type { Directory } from './directory';
import { kernelFor, nameOf } from './kernel';
import { iconButton } from './pieces';
import { home, isSame, type Source } from './source';

/** What a tab shows. */
export interface Shown extends Source {
  /** In the same plot. */
  also: readonly Source[];
}

export interface TabOptions {
  target: (kernelId: string) => KernelTarget;
  /** Whether the reader may send events. */
  maySend: () => boolean;
  /** Ask the reader which stream to add. */
  pick: () => void;
  /** `shown` is another. */
  changed: () => void;
}

/** One plot has so many streams at most; it draws 32 lines. */
const MOST_STREAMS = 16;

/** One stream of a tab, and the kernel it is of now. */
interface Held {
  kernelId: string;
  ending: AbortController;
}

export class StreamTab {
  shown: Shown;
  private card: Card | null = null;
  private readonly held = new Map<Source, Held>();
  private readonly others = make('ul', 'jsiolab-others');
  private readonly said = make('p', 'jsiolab-none');

  constructor(
    private readonly place: HTMLElement,
    private readonly directory: Directory,
    shown: Shown,
    private readonly options: TabOptions,
    signal: AbortSignal,
  ) {
    this.shown = shown;
    this.said.setAttribute('role', 'status');
    this.others.setAttribute('role', 'list');
    this.others.setAttribute('aria-label', trans.__('Other streams in this plot'));
    directory.addEventListener('change', this.choose, { signal });
    signal.addEventListener('abort', () => {
      for (const { ending } of this.held.values()) ending.abort();
    });
    receive(place, this.add, signal);
    this.choose();
  }

  /** The view and its downloads. */
  get content(): Card {
    return this.card!;
  }

  /** Put a stream into the plot too. */
  readonly add = (source: Source): void => {
    const why = this.whyNot(source);
    setText(this.said, why);
    if (why) return;
    this.change([...this.shown.also, source]);
  };

  remove(source: Source): void {
    setText(this.said, '');
    this.held.get(source)?.ending.abort();
    this.held.delete(source);
    this.change(this.shown.also.filter(each => each !== source));
    this.place.focus(); // the button that had it is gone
  }

  private change(also: readonly Source[]): void {
    this.shown = { ...this.shown, also };
    this.choose();
    this.options.changed();
  }

  /** Why a stream cannot be put into the plot; empty where it can. */
  private whyNot(source: Source): string {
    const { stream } = source;
    const all = [this.shown, ...this.shown.also];
    if (all.some(each => isSame(each, source))) return trans.__('%1 is in this plot.', stream);
    if (all.length >= MOST_STREAMS) return trans.__('A plot has %1 streams at most.', MOST_STREAMS);
    if (!this.content.isDrawable) {
      return trans.__('%1 has no numbers to draw, so nothing can be added.', this.shown.stream);
    }
    const media = this.infoOf(source, this.kernelOf(source)).media;
    if (media === ARROW || media === NDJSON) return '';
    return trans.__('%1 is no table: only numbers can be drawn.', stream);
  }

  // --- kernels --------------------------------------------------------------------------------

  private readonly choose = (): void => {
    const { also } = this.shown;
    const anew = this.follow(this.shown, this.show);
    const moved = also.map(source => this.follow(source, this.join)).includes(true);
    if (anew || moved || this.others.childElementCount !== also.length) this.draw();
  };

  /** Have a stream shown from the kernel that it is of now; says whether that is another. */
  private follow(source: Source, show: (source: Source, held: Held) => void): boolean {
    const key = source === this.shown ? FIRST : source;
    const before = this.held.get(key);
    const kernelId = this.kernelOf(source, before?.kernelId);
    if (kernelId === before?.kernelId) return false;
    before?.ending.abort();
    const held = { kernelId, ending: new AbortController() };
    this.held.set(key, held);
    show(source, held);
    return true;
  }

  private kernelOf(source: Source, kernelId = source.kernelId): string {
    return kernelFor(this.directory.kernels, { path: source.path, kernelId });
  }

  private readonly show = (source: Source, held: Held): void => {
    const { signal } = held.ending;
    const nothing = (): void => undefined;
    const may = this.options.maySend;
    const board = { paused: false, begun: nothing, came: nothing, may, fills: true };
    const connection = this.lease(source, held);
    this.card = new Card(this.infoOf(source, held.kernelId), connection, board, signal);
    this.place.replaceChildren(this.card.element);
    this.dress(this.card);
    // The others are in the card that is gone.
    for (const other of this.shown.also) {
      this.held.get(other)?.ending.abort();
      this.held.delete(other);
    }
  };

  private readonly join = (source: Source, held: Held): void => {
    const info = this.infoOf(source, held.kernelId);
    const { signal } = held.ending;
    this.content.add(this.labelOf(source), info, this.lease(source, held), signal);
  };

  private lease({ stream }: Source, { kernelId, ending }: Held): ReturnType<typeof lease> {
    return lease(this.options.target(kernelId), [stream], ending.signal, 'panel');
  }

  private infoOf({ stream }: Source, kernelId: string): StreamInfo {
    const known = this.directory.kernels.get(kernelId)?.streams;
    return known?.find(each => each.stream === stream) ?? unknown(stream);
  }

  /** A stream of another notebook goes by that one's name, too. */
  private labelOf(source: Source): string {
    if (home(source) === home(this.shown)) return source.stream;
    const kernel = this.directory.kernels.get(this.kernelOf(source));
    const name = kernel ? nameOf(kernel) : home(source);
    return `${source.stream} (${name})`;
  }

  // --- what stands around the view --------------------------------------------------------------

  private dress({ element, head, title }: Card): void {
    carry(title, () => this.shown);
    title.title = trans.__('Drag onto another plot');
    head.append(iconButton('add', trans.__('Add a stream to this plot…'), this.options.pick));
    head.after(this.others, this.said);
    element.dataset.stream = this.shown.stream;
  }

  private draw(): void {
    const { also } = this.shown;
    this.others.hidden = also.length === 0;
    this.others.replaceChildren(...also.map(source => this.chip(source)));
  }

  private chip(source: Source): HTMLElement {
    const label = this.labelOf(source);
    const chip = make('li', 'jsiolab-chip');
    const name = make('span', '', label);
    name.dir = 'auto';
    const leave = iconButton('leave', trans.__('Take %1 out of this plot', label), () => {
      this.remove(source);
    });
    chip.append(name, leave);
    return chip;
  }
}

/** The key of the tab's own stream: `shown` is made anew with each that is added. */
const FIRST: Source = { kernelId: '', path: '', stream: '' };

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
