/** One kernel in the panel: its head, and, unfolded, all that is known of it. */
import { make, setText } from '../view/dom';
import { ConsoleView } from './console_view';
import type { Desk } from './desk';
import { formatDuration } from './figures';
import { icon } from './icons';
import { hasEnded, type Kernel, nameOf } from './kernel';
import type { LiveKernel } from './live_kernel';
import { iconButton, relabel } from './pieces';
import { StreamsView } from './streams_view';
import { ViewersView } from './viewers_view';
import { trans } from '../words';

export class KernelView {
  readonly element = make('li', 'jsiolab-kernel');
  unfolded = false;
  private readonly fold = make('button', 'jsiolab-fold');
  private readonly name = make('span', 'jsiolab-kernel-name');
  private readonly state = make('span', 'jsiolab-state');
  private readonly path = make('button', 'jsiolab-path');
  private readonly facts = make('div', 'jsiolab-facts');
  private readonly details = make('div', 'jsiolab-details');
  private readonly share: HTMLButtonElement;
  private readonly streams: StreamsView;
  private readonly viewers: ViewersView;
  private readonly console: ConsoleView;

  constructor(
    private kernel: Kernel,
    private readonly desk: Desk,
    readonly live: LiveKernel,
    private readonly folded: () => void,
  ) {
    this.streams = new StreamsView(desk, live);
    this.viewers = new ViewersView(desk, kernel.id);
    this.console = new ConsoleView(desk, live);
    this.share = iconButton('share', '', () => {
      desk.share(this.kernel);
    });
    this.build();
    live.addEventListener('change', this.drawLive);
  }

  update(kernel: Kernel): void {
    this.kernel = kernel;
    const name = nameOf(kernel);
    setText(this.name, name);
    setText(this.state, stateOf(kernel));
    this.element.dataset.state = kernel.state;
    setText(this.path, kernel.path);
    this.path.hidden = kernel.path === '';
    relabel(this.path, trans.__('Open %1', kernel.path));
    this.allow(name);
    this.tick();
    if (!this.unfolded) return;
    this.streams.update(kernel);
    this.viewers.update(kernel);
    this.console.allow();
  }

  /** What changes as time goes by. */
  tick(): void {
    const { kernel } = this;
    const facts = [
      publisherOf(kernel),
      hasEnded(kernel)
        ? trans.__('ended %1 ago', formatDuration(Date.now() - kernel.since))
        : trans.__('up %1', formatDuration(Date.now() - kernel.started)),
      trans._n('%1 viewer', '%1 viewers', kernel.viewers),
    ];
    setText(this.facts, facts.join(' · '));
  }

  /** Ask for what the wire does not tell. */
  async refresh(): Promise<void> {
    if (this.unfolded) await this.viewers.refresh();
  }

  unfold(unfolded: boolean): void {
    if (unfolded === this.unfolded) return;
    this.unfolded = unfolded;
    this.fold.setAttribute('aria-expanded', String(unfolded));
    this.details.hidden = !unfolded;
    if (unfolded) this.update(this.kernel);
  }

  /** Mark as that of the notebook in front. */
  set current(current: boolean) {
    this.element.classList.toggle('jsiolab-current', current);
    if (current) this.fold.setAttribute('aria-current', 'true');
    else this.fold.removeAttribute('aria-current');
  }

  show(): void {
    this.element.scrollIntoView({ block: 'nearest' });
  }

  toConsole(): void {
    this.console.focus();
  }

  private readonly drawLive = (): void => {
    if (!this.unfolded) return;
    this.streams.update(this.kernel);
    this.console.allow();
  };

  private allow(name: string): void {
    const { manage } = this.desk.rights();
    this.share.disabled = !manage || hasEnded(this.kernel);
    relabel(this.share, manage ? trans.__('Share %1', name) : trans.__('You may not share'));
  }

  private build(): void {
    const head = make('div', 'jsiolab-kernel-head');
    const id = `jsiolab-kernel-${this.kernel.id}`;
    this.name.dir = 'auto';
    this.fold.type = this.path.type = 'button';
    this.fold.setAttribute('aria-expanded', 'false');
    this.fold.setAttribute('aria-controls', id);
    this.fold.append(icon('fold'), make('span', 'jsiolab-dot'), this.name, this.state);
    this.fold.addEventListener('click', () => {
      this.unfold(!this.unfolded);
      this.folded();
    });
    this.path.dir = 'auto';
    this.path.addEventListener('click', () => {
      this.desk.openNotebook(this.kernel.path);
    });
    this.details.id = id;
    this.details.hidden = true;
    this.details.append(this.streams.element, this.viewers.element, this.console.element);
    const heading = make('h3', 'jsiolab-kernel-heading');
    heading.append(this.fold);
    head.append(heading, this.share);
    const top = make('div', 'jsiolab-kernel-top');
    top.append(head, this.path);
    this.element.append(top, this.facts, this.details);
  }
}

function stateOf({ state }: Kernel): string {
  const told: Partial<Record<string, string>> = {
    starting: trans.__('starting'),
    idle: trans.__('idle'),
    busy: trans.__('busy'),
    restarting: trans.__('restarting'),
    dead: trans.__('ended'),
  };
  return told[state] ?? state;
}

function publisherOf({ publisher }: Kernel): string {
  const told: Partial<Record<string, string>> = {
    online: trans.__('online'),
    offline: trans.__('offline'),
    never: trans.__('not publishing'),
  };
  return told[publisher] ?? publisher;
}
