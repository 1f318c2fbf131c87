/** The side panel: every kernel with a namespace, those unfolded in full. */
import { make, setText } from '../view/dom';
import type { Desk } from './desk';
import type { Directory } from './directory';
import { hasEnded, inOrder, type Kernel } from './kernel';
import { KernelView } from './kernel_view';
import type { LiveKernel } from './live_kernel';
import { iconButton, relabel, Rows } from './pieces';
import { Roving } from './roving';
import { trans } from '../words';

const TICK_MS = 1_000;
/** Between two looks at what only REST tells. */
const LOOK_TICKS = 2;

export interface PanelOptions {
  liveKernel: (kernelId: string) => LiveKernel;
  /** What is unfolded has changed. */
  folded: (unfolded: readonly string[]) => void;
  follow: (follow: boolean) => void;
}

export class Panel {
  private readonly list: Rows<Kernel>;
  private readonly said = make('p', 'jsiolab-notice');
  private readonly followButton: HTMLButtonElement;
  private readonly views = new Map<string, KernelView>();
  /** By the reader's own hand, or of the notebook in front. */
  private readonly unfolded = new Set<string>();
  private front: string | null = null;
  /** Unfolded because it was in front, not by hand. */
  private followed: string | null = null;
  private follows = false;
  private seen = false;
  private ticks = 0;

  constructor(
    private readonly place: HTMLElement,
    private readonly directory: Directory,
    private readonly desk: Desk,
    private readonly options: PanelOptions,
    signal: AbortSignal,
  ) {
    this.list = new Rows('jsiolab-kernels', ({ id }) => id, this.viewOf);
    this.followButton = iconButton('follow', '', () => {
      options.follow(!this.follows);
    });
    this.build();
    directory.addEventListener('change', this.draw, { signal });
    const timer = setInterval(this.tick, TICK_MS);
    const observer = new IntersectionObserver(([entry]) => {
      this.look(entry?.isIntersecting ?? false);
    });
    observer.observe(place);
    signal.addEventListener('abort', () => {
      clearInterval(timer);
      observer.disconnect();
      this.look(false);
    });
    this.draw();
    new Roving(this.list.element, signal);
  }

  /** Whether the notebook in front is unfolded by itself. */
  set follow(follow: boolean) {
    this.follows = follow;
    this.followButton.setAttribute('aria-pressed', String(follow));
    relabel(this.followButton, trans.__('Follow the active notebook'));
    this.toFront(this.front);
  }

  /** The kernel of the notebook in front. */
  toFront(kernelId: string | null): void {
    this.front = kernelId;
    if (this.follows && kernelId && kernelId !== this.followed) {
      if (this.followed) this.unfolded.delete(this.followed);
      this.followed = this.unfolded.has(kernelId) ? null : kernelId;
      this.unfolded.add(kernelId);
    }
    this.draw();
    if (this.follows && kernelId) this.views.get(kernelId)?.show();
  }

  /** Unfold a kernel, and turn to the line by which an event is sent to it. */
  console(kernelId: string): void {
    this.unfolded.add(kernelId);
    this.draw();
    this.views.get(kernelId)?.toConsole();
  }

  /** Unfold what was unfolded before the page was reloaded. */
  restore(unfolded: readonly string[]): void {
    for (const id of unfolded) this.unfolded.add(id);
    this.draw();
  }

  /** Draw anew: the kernels, the rights or the settings have changed. */
  readonly draw = (): void => {
    const { state, kernels } = this.directory;
    this.list.update(inOrder(kernels.values()));
    for (const [id, view] of this.views) {
      const kernel = kernels.get(id);
      if (kernel) this.arrange(view, kernel);
      else this.forget(id, view);
    }
    this.place.dataset.stale = String(state !== 'live');
    setText(this.said, this.notice());
    this.said.hidden = this.said.textContent === '';
  };

  private arrange(view: KernelView, kernel: Kernel): void {
    const unfolded = this.unfolded.has(kernel.id);
    view.current = kernel.id === this.front;
    view.unfold(unfolded);
    const watched = unfolded && this.seen && !hasEnded(kernel);
    if (watched) view.live.watch(kernel, this.desk.sparklines());
    else view.live.rest();
  }

  private forget(id: string, view: KernelView): void {
    view.live.rest();
    this.views.delete(id);
    this.unfolded.delete(id);
  }

  private notice(): string {
    const { state, kernels } = this.directory;
    if (state === 'refused') return trans.__('You may not watch the kernels of this server.');
    if (state === 'reconnecting') return trans.__('The server does not answer; trying again.');
    if (state === 'connecting') return trans.__('Connecting …');
    return kernels.size > 0 ? '' : trans.__('No kernel runs. Open a notebook to begin.');
  }

  private readonly viewOf = (kernel: Kernel): KernelView => {
    const view = new KernelView(kernel, this.desk, this.options.liveKernel(kernel.id), () => {
      if (view.unfolded) this.unfolded.add(kernel.id);
      else this.unfolded.delete(kernel.id);
      if (this.followed === kernel.id) this.followed = null;
      this.options.folded([...this.unfolded]);
      this.draw();
      if (view.unfolded) void view.refresh();
    });
    this.views.set(kernel.id, view);
    return view;
  };

  private readonly tick = (): void => {
    if (!this.seen || document.visibilityState !== 'visible') return;
    const look = this.ticks++ % LOOK_TICKS === 0;
    for (const view of this.views.values()) {
      view.tick();
      if (look) void view.refresh();
    }
  };

  private look(seen: boolean): void {
    this.seen = seen;
    this.ticks = 0;
    this.draw();
    this.tick();
  }

  private build(): void {
    const bar = make('header', 'jsiolab-panel-bar');
    bar.append(make('h2', '', trans.__('Live data')), this.followButton);
    this.said.setAttribute('role', 'status');
    this.place.setAttribute('role', 'region');
    this.place.setAttribute('aria-label', trans.__('Live data'));
    this.place.append(bar, this.said, this.list.element);
    this.follow = false;
  }
}
