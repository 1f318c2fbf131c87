/** The tabs of streams in the main area: opened, found again after a reload, added to. */
import type { Application, LuminoWidget, Restorer, Shared, Tracker } from '../lab/jupyterlab';
import type { KernelTarget } from '../protocol/target';
import type { Ask } from './ask';
import { trans } from '../words';
import type { Directory } from './directory';
import { choices, home, isSame, readSource, type Source } from './source';
import { type Shown, StreamTab } from './stream_tab';

/** It holds what it shows. */
export type StreamWidget = LuminoWidget & { tab: StreamTab };

export interface TabsOptions {
  /** The command that opens one, by which a reload has it back. */
  command: string;
  icon: unknown;
  target: (kernelId: string) => KernelTarget;
  maySend: () => boolean;
  changed: () => void;
}

export class Tabs {
  private readonly tracker: Tracker;

  constructor(
    private readonly app: Application,
    private readonly shared: Shared,
    private readonly directory: Directory,
    private readonly ask: Ask,
    private readonly options: TabsOptions,
  ) {
    this.tracker = new shared.apputils.WidgetTracker({ namespace: 'jupyter-sio' });
    this.tracker.currentChanged.connect(options.changed);
  }

  restore(restorer: Restorer | undefined): void {
    void restorer?.restore(this.tracker, {
      command: this.options.command,
      args: widget => (widget as StreamWidget).tab.shown,
      name: widget => widget.id,
    });
  }

  /** The tab in front, if it is one of ours. */
  get current(): StreamTab | null {
    const { currentWidget } = this.app.shell;
    const ours = currentWidget !== null && currentWidget === this.tracker.currentWidget;
    return ours ? (currentWidget as StreamWidget).tab : null;
  }

  /** Open what is shown, or turn to it. */
  open(shown: Shown): LuminoWidget {
    const id = `jupyter-sio-stream:${home(shown)}:${shown.stream}`;
    let widget = this.all().find(each => each.id === id);
    if (!widget) {
      widget = this.make(shown);
      widget.id = id;
      this.add(widget);
      void this.tracker.add(widget);
    }
    this.app.shell.activateById(id);
    return widget;
  }

  /** Put a stream into a tab's plot: into the only one there is, else into that which is picked. */
  async addTo(source: Source): Promise<void> {
    const all = this.all().filter(({ tab }) => !isSame(tab.shown, source));
    const items = all.map(({ tab, title }) => ({ tab, label: title.caption }));
    const title = trans.__('Add %1 to a Plot', source.stream);
    const one = items.length === 1 ? items[0]! : null;
    const picked = one ?? (await this.ask.pick(title, trans.__('Plot'), items));
    picked?.tab.add(source);
  }

  /** Have a stream picked for a tab's plot. */
  async addToTab(tab: StreamTab): Promise<void> {
    const there = [tab.shown, ...tab.shown.also];
    const items = choices(this.directory.kernels.values()).filter(
      ({ source }) => !there.some(each => isSame(each, source)),
    );
    const title = trans.__('Add a Stream to This Plot');
    const picked = await this.ask.pick(title, trans.__('Stream'), items);
    if (picked) tab.add(picked.source);
  }

  all(): StreamWidget[] {
    const found: StreamWidget[] = [];
    this.tracker.forEach(widget => found.push(widget as StreamWidget));
    return found;
  }

  /** Beside what is there; Notebook's main area holds one document, and there it goes below. */
  private add(widget: LuminoWidget): void {
    const { shell } = this.app;
    if (shell.mode) shell.add(widget, 'main', { mode: 'split-right' });
    else shell.add(widget, 'down');
  }

  private make(shown: Shown): StreamWidget {
    const ending = new AbortController();
    const widget = new this.shared.widgets.Widget() as StreamWidget;
    const { stream, path } = shown;
    widget.addClass('jsiolab-tab');
    widget.node.tabIndex = -1;
    widget.title.label = labelOf(shown);
    widget.title.caption = path ? `${stream} – ${path}` : stream;
    widget.title.icon = this.options.icon;
    widget.title.closable = true;
    widget.disposed.connect(() => {
      ending.abort();
    });
    const { target, maySend } = this.options;
    const pick = (): void => void this.addToTab(widget.tab);
    const changed = (): void => {
      widget.title.label = labelOf(widget.tab.shown);
      void this.tracker.save(widget);
    };
    const options = { target, maySend, pick, changed };
    widget.tab = new StreamTab(widget.node, this.directory, shown, options, ending.signal);
    return widget;
  }
}

const labelOf = ({ stream, also }: Shown): string =>
  also.length === 0 ? stream : `${stream} + ${also.length}`;

/** Read what a command was given: by us, or out of a layout that was kept. */
export function readShown(args: Readonly<Record<string, unknown>>): Shown | null {
  const source = readSource(args);
  const also = Array.isArray(args.also) ? args.also.map(readSource) : [];
  return source && { ...source, also: also.filter(each => each !== null) };
}
