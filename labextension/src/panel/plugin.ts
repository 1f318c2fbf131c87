/** The panel as a plugin of JupyterLab and Notebook 7: what is put where. */
import type {
  Application,
  LuminoWidget,
  Offered,
  Shared,
  Tracker,
  WidgetClass,
} from '../lab/jupyterlab';
import { Api } from '../page/api';
import type { KernelTarget } from '../protocol/target';
import { make } from '../view/dom';
import { pageConfig } from '../widget/mount';
import { browser } from '../world';
import type { Desk } from './desk';
import { Directory } from './directory';
import { Front } from './front';
import { PANEL_ICON } from './icons';
import type { Kernel } from './kernel';
import { LiveKernel } from './live_kernel';
import { Panel } from './panel';
import { Preferences } from './preferences';
import { type Rights, Server } from './server';
import { openShareDialog } from './share_dialog';
import { StatusItem } from './status_item';
import { type Shown, StreamTab } from './stream_tab';
import style from './style.css';
import { speak, trans } from '../words';

const ID = '@jupyter-sio/client:plugin';
const PANEL = 'jupyter-sio-panel';
const UNFOLDED = 'jupyter-sio:unfolded';
const COMMANDS = {
  show: 'jupyter-sio:show-panel',
  follow: 'jupyter-sio:follow',
  share: 'jupyter-sio:share',
  open: 'jupyter-sio:open-stream',
} as const;
/** An ended kernel is gone from the server some time later, which nobody tells. */
const SWEEP_MS = 60_000;

/** JupyterLab's plugin; `offered` are those of its tokens that there are. */
export function panelPlugin(shared: Shared): object {
  const names = Object.keys(shared.tokens) as (keyof Offered)[];
  return {
    id: ID,
    description: 'Everything live on this server: kernels, streams, viewers, events.',
    autoStart: true,
    optional: names.map(name => shared.tokens[name]),
    activate: (app: Application, ...given: unknown[]): void => {
      const offered = Object.fromEntries(names.map((name, index) => [name, given[index]]));
      new Plugin(app, offered, shared).start();
    },
  };
}

class Plugin {
  private readonly page = pageConfig();
  private readonly server: Server;
  private readonly directory: Directory;
  private readonly front: Front;
  private readonly preferences = new Preferences();
  private readonly desk: Desk;
  private readonly widget: LuminoWidget;
  private readonly icon: unknown;
  private readonly tracker: Tracker;
  private rights: Rights = { watch: true, send: false, manage: false };

  constructor(
    private readonly app: Application,
    private readonly offered: Partial<Offered>,
    private readonly shared: Shared,
  ) {
    if (offered.translator) speak(offered.translator.load('jupyter_sio'));
    const { signal } = new AbortController(); // for as long as the page is there
    const base = new URL(this.page.baseUrl ?? '/', location.href);
    this.server = new Server(new Api(base.pathname, this.page.token ?? ''));
    const pass = {
      origin: base.origin,
      path: `${base.pathname}jupyter-sio/socket.io/`,
      namespace: '/kernels',
      query: this.page.token ? { token: this.page.token } : {},
    };
    this.directory = new Directory(pass, this.server, browser, signal);
    this.front = new Front(offered.notebooks ?? null);
    this.icon = new shared.icons.LabIcon({ name: 'jupyter-sio:live', svgstr: PANEL_ICON });
    this.tracker = new shared.apputils.WidgetTracker({ namespace: 'jupyter-sio' });
    this.desk = this.makeDesk();
    this.widget = this.makeWidget(shared.widgets.Widget);
  }

  start(): void {
    document.head.append(make('style', '', style));
    this.addPanel();
    this.addCommands();
    this.addStatusItem();
    void this.loadSettings();
    this.learnRightsAnew();
    void this.offered.restorer?.restore(this.tracker, {
      command: COMMANDS.open,
      args: widget => (widget as StreamWidget).shown,
      name: widget => widget.id,
    });
    const refresh = (): void => void this.directory.refresh();
    this.app.serviceManager.sessions.runningChanged.connect(refresh);
    setInterval(() => {
      const ended = [...this.directory.kernels.values()].some(({ state }) => state === 'dead');
      if (ended) refresh();
    }, SWEEP_MS);
  }

  // --- the side panel -----------------------------------------------------------------------

  private makeWidget(Widget: WidgetClass): LuminoWidget {
    const widget = new Widget();
    widget.id = PANEL;
    widget.addClass('jsiolab-panel');
    widget.title.icon = this.icon;
    widget.title.caption = trans.__('Live data');
    return widget;
  }

  private addPanel(): void {
    const { directory, desk, preferences, front, offered } = this;
    const { signal } = new AbortController();
    const panel = new Panel(
      this.widget.node,
      directory,
      desk,
      {
        liveKernel: id => new LiveKernel(this.target(id), browser),
        folded: unfolded => void offered.state?.save(UNFOLDED, [...unfolded]),
        follow: follow => {
          preferences.followActive = follow;
        },
      },
      signal,
    );
    preferences.addEventListener('change', () => {
      panel.follow = preferences.followActive;
      panel.draw();
    });
    panel.follow = preferences.followActive;
    front.addEventListener('change', () => {
      panel.toFront(front.kernelId);
    });
    panel.toFront(front.kernelId);
    this.onRights = panel.draw;
    void offered.state?.fetch(UNFOLDED).then(unfolded => {
      if (Array.isArray(unfolded)) panel.restore(unfolded.map(String));
    });
    this.app.shell.add(this.widget, 'left', { rank: 650 });
    offered.restorer?.add(this.widget, PANEL);
  }

  private onRights: () => void = () => undefined;

  /** With each connection: somebody else may be logged in by then. */
  private learnRightsAnew(): void {
    let before: string = this.directory.state;
    this.directory.addEventListener('change', () => {
      const { state } = this.directory;
      if (state === 'live' && before !== 'live') void this.learnRights();
      before = state;
    });
  }

  private async learnRights(): Promise<void> {
    const rights = await this.server.rights();
    if (rights) this.rights = rights;
    this.onRights();
    this.app.commands.notifyCommandChanged(COMMANDS.share);
  }

  private async loadSettings(): Promise<void> {
    try {
      const settings = await this.offered.settings?.load(ID);
      if (settings) this.preferences.take(settings);
    } catch (error) {
      console.warn('jupyter_sio: no settings, the defaults hold:', error);
    }
  }

  private addStatusItem(): void {
    const item = new this.shared.widgets.Widget();
    item.id = 'jupyter-sio-viewers';
    const status = new StatusItem(item.node, () => {
      this.app.shell.activateById(PANEL);
    });
    const update = (): void => {
      status.update(this.directory.kernels.get(this.front.kernelId ?? ''));
    };
    this.directory.addEventListener('change', update);
    this.front.addEventListener('change', update);
    const place = { item, align: 'left', rank: 50, isActive: () => true } as const;
    this.offered.statusBar?.registerStatusItem(ID, place);
    update();
  }

  // --- commands -----------------------------------------------------------------------------

  private addCommands(): void {
    const { commands, shell } = this.app;
    const frontKernel = (): Kernel | undefined =>
      this.directory.kernels.get(this.front.kernelId ?? '');
    commands.addCommand(COMMANDS.show, {
      label: trans.__('Show Live Data'),
      caption: trans.__('Everything live on this server: kernels, streams, viewers, events'),
      execute: () => {
        shell.activateById(PANEL);
      },
    });
    commands.addCommand(COMMANDS.follow, {
      label: trans.__('Follow the Active Notebook in Live Data'),
      isToggled: () => this.preferences.followActive,
      execute: () => {
        this.preferences.followActive = !this.preferences.followActive;
      },
    });
    commands.addCommand(COMMANDS.share, {
      label: trans.__('Share Live Data of This Notebook…'),
      isEnabled: () => this.rights.manage && frontKernel() !== undefined,
      execute: () => {
        const kernel = frontKernel();
        if (kernel) this.desk.share(kernel);
      },
    });
    commands.addCommand(COMMANDS.open, {
      label: trans.__('Open a Live Stream'),
      execute: args => this.openTab(args),
    });
    const category = trans.__('Live data');
    for (const command of [COMMANDS.show, COMMANDS.follow, COMMANDS.share]) {
      this.offered.palette?.addItem({ command, category });
    }
    const changed = (): void => {
      commands.notifyCommandChanged();
    };
    this.preferences.addEventListener('change', changed);
    this.front.addEventListener('change', changed);
  }

  private openTab(args: Record<string, unknown>): LuminoWidget {
    const shown: Shown = {
      kernelId: String(args.kernelId),
      path: String(args.path),
      stream: String(args.stream),
    };
    const id = `jupyter-sio-stream:${shown.path || shown.kernelId}:${shown.stream}`;
    let widget = this.tracker.find(each => each.id === id);
    if (!widget) {
      widget = this.makeTab(shown);
      widget.id = id;
      this.app.shell.add(widget, 'main', { mode: 'split-right' });
      void this.tracker.add(widget);
    }
    this.app.shell.activateById(id);
    return widget;
  }

  private makeTab(shown: Shown): StreamWidget {
    const ending = new AbortController();
    const widget = Object.assign(new this.shared.widgets.Widget(), { shown });
    const { stream, path } = shown;
    widget.addClass('jsiolab-tab');
    widget.node.tabIndex = -1;
    widget.title.label = stream;
    widget.title.caption = path ? `${stream} – ${path}` : stream;
    widget.title.icon = this.icon;
    widget.title.closable = true;
    widget.disposed.connect(() => {
      ending.abort();
    });
    const target = (id: string): KernelTarget => this.target(id);
    const maySend = (): boolean => this.rights.send;
    new StreamTab(widget.node, this.directory, shown, target, maySend, ending.signal);
    return widget;
  }

  // --- what the panel asks for --------------------------------------------------------------

  private makeDesk(): Desk {
    const { commands, shell } = this.app;
    return {
      server: this.server,
      rights: () => this.rights,
      sparklines: () => this.preferences.sparklines,
      openNotebook: path => void commands.execute('docmanager:open', { path }),
      openStream: (kernel, stream) => {
        const { id: kernelId, path } = kernel;
        // Notebook's shell holds one document: there the viewer page is opened beside it.
        if (shell.mode) void commands.execute(COMMANDS.open, { kernelId, path, stream });
        else window.open(`${this.page.baseUrl ?? '/'}jupyter-sio/live/#/kernels/${kernelId}`);
      },
      share: kernel => {
        openShareDialog(kernel, this.desk);
      },
    };
  }

  private target(kernelId: string): KernelTarget {
    const { baseUrl = '/', token } = this.page;
    return token ? { baseUrl, kernelId, token } : { baseUrl, kernelId };
  }
}

/** It holds what it shows, for when the page is reloaded. */
type StreamWidget = LuminoWidget & { shown: Shown };
