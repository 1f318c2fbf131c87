/** The panel as a plugin of JupyterLab and Notebook 7: what is put where. */
import type { Application, LuminoWidget, Offered, Shared, WidgetClass } from '../lab/jupyterlab';
import { Api } from '../page/api';
import type { KernelTarget } from '../protocol/target';
import { make } from '../view/dom';
import { pageConfig } from '../widget/mount';
import { speak, trans } from '../words';
import { browser } from '../world';
import { Ask } from './ask';
import { addCommands, COMMANDS } from './commands';
import type { Desk } from './desk';
import { Directory } from './directory';
import { Front } from './front';
import { PANEL_ICON } from './icons';
import type { Kernel } from './kernel';
import { LiveKernel } from './live_kernel';
import { closeStream, disconnect } from './manage';
import { Panel } from './panel';
import { Preferences } from './preferences';
import { type Rights, Server } from './server';
import { openShareDialog } from './share_dialog';
import { StatusItem } from './status_item';
import style from './style.css';
import { Tabs } from './tabs';

const ID = '@jupyter-sio/client:plugin';
const PANEL = 'jupyter-sio-panel';
const UNFOLDED = 'jupyter-sio:unfolded';
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
  private readonly ask: Ask;
  private readonly tabs: Tabs;
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
    this.ask = new Ask();
    this.tabs = this.makeTabs();
    this.desk = this.makeDesk();
    this.widget = this.makeWidget(shared.widgets.Widget);
  }

  start(): void {
    document.head.append(make('style', '', style));
    this.addCommands(this.addPanel());
    this.addStatusItem();
    void this.loadSettings();
    this.learnRightsAnew();
    this.tabs.restore(this.offered.restorer);
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

  private addPanel(): Panel {
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
    return panel;
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
    this.app.commands.notifyCommandChanged();
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
    const status = new StatusItem(item.node, this.show);
    const update = (): void => {
      status.update(this.frontKernel(), this.preferences.statusItem);
    };
    this.preferences.addEventListener('change', update);
    this.directory.addEventListener('change', update);
    this.front.addEventListener('change', update);
    const place = { item, align: 'left', rank: 50, isActive: () => true } as const;
    this.offered.statusBar?.registerStatusItem(ID, place);
    update();
  }

  // --- commands and tabs --------------------------------------------------------------------

  private readonly show = (): void => {
    this.app.shell.activateById(PANEL);
  };

  private readonly frontKernel = (): Kernel | undefined =>
    this.directory.kernels.get(this.front.kernelId ?? '');

  private addCommands(panel: Panel): void {
    const { app, ask, desk, directory, preferences, tabs, show, frontKernel: front } = this;
    const around = { app, ask, desk, directory, panel, preferences, tabs, show, front };
    addCommands(around, this.offered.palette);
    this.front.addEventListener('change', () => {
      app.commands.notifyCommandChanged();
    });
  }

  private makeTabs(): Tabs {
    const { app, shared, directory, ask, icon } = this;
    return new Tabs(app, shared, directory, ask, {
      command: COMMANDS.open,
      icon,
      target: id => this.target(id),
      maySend: () => this.rights.send,
      changed: () => {
        app.commands.notifyCommandChanged();
      },
    });
  }

  // --- what the panel asks for --------------------------------------------------------------

  private makeDesk(): Desk {
    const { server, ask, app } = this;
    return {
      server,
      rights: () => this.rights,
      sparklines: () => this.preferences.sparklines,
      openNotebook: path => void app.commands.execute('docmanager:open', { path }),
      openStream: source => void app.commands.execute(COMMANDS.open, source),
      share: kernel => {
        openShareDialog(kernel, this.desk);
      },
      closeStream: (kernel, id, stream) => closeStream(server, ask, kernel, id, stream),
      disconnect: (kernelId, viewer) => disconnect(server, kernelId, viewer),
    };
  }

  private target(kernelId: string): KernelTarget {
    const { baseUrl = '/', token } = this.page;
    return token ? { baseUrl, kernelId, token } : { baseUrl, kernelId };
  }
}
