/**
 * The parts of JupyterLab that are used here. The objects are JupyterLab's own, at run time; what
 * it does not offer (Notebook 7 has no side area beside its list of files) is null.
 */
import type { Words } from '../words';

export interface Signal<Args> {
  connect(slot: (sender: unknown, args: Args) => void): unknown;
  disconnect(slot: (sender: unknown, args: Args) => void): unknown;
}

export interface LuminoWidget {
  id: string;
  readonly node: HTMLElement;
  readonly title: { label: string; caption: string; icon: unknown; closable: boolean };
  readonly isDisposed: boolean;
  readonly isVisible: boolean;
  readonly disposed: Signal<void>;
  addClass(name: string): void;
  dispose(): void;
}

export type WidgetClass = new () => LuminoWidget;

export interface Lumino {
  Widget: WidgetClass;
}

/** What a token of JupyterLab's stands for is found by the token's identity. */
export type Token = object;

type Args = Readonly<Record<string, unknown>>;

export interface Command {
  label: string | ((args: Args) => string);
  caption?: string;
  icon?: unknown;
  isEnabled?: (args: Args) => boolean;
  isToggled?: () => boolean;
  execute(args: Args): unknown;
}

export interface Commands {
  addCommand(id: string, command: Command): unknown;
  execute(id: string, args?: object): Promise<unknown>;
  notifyCommandChanged(id?: string): void;
}

export interface Shell {
  add(widget: LuminoWidget, area: string, options?: { rank?: number; mode?: string }): void;
  activateById(id: string): void;
  readonly currentWidget: LuminoWidget | null;
  /** Only JupyterLab's own shell has it: Notebook's holds one document. */
  readonly mode?: string;
}

export interface Application {
  readonly commands: Commands;
  readonly shell: Shell;
  readonly serviceManager: { sessions: { runningChanged: Signal<unknown> } };
}

export interface Restorer {
  add(widget: LuminoWidget, name: string): void;
  restore(tracker: Tracker, options: RestoreOptions): Promise<unknown>;
}

export interface RestoreOptions {
  command: string;
  args(widget: LuminoWidget): object;
  name(widget: LuminoWidget): string;
}

export interface Tracker {
  add(widget: LuminoWidget): Promise<void>;
  /** Keep anew what it is to be restored with. */
  save(widget: LuminoWidget): Promise<void>;
  forEach(visit: (widget: LuminoWidget) => void): void;
  readonly currentWidget: LuminoWidget | null;
  readonly currentChanged: Signal<unknown>;
  find(like: (widget: LuminoWidget) => boolean): LuminoWidget | undefined;
}

export interface SessionContext {
  readonly session: { readonly kernel: { readonly id: string } | null } | null;
  readonly kernelChanged: Signal<unknown>;
}

export interface NotebookTracker {
  readonly currentWidget: { readonly sessionContext: SessionContext } | null;
  readonly currentChanged: Signal<unknown>;
}

export interface Settings {
  readonly composite: Readonly<Record<string, unknown>>;
  readonly changed: Signal<void>;
  set(key: string, value: unknown): Promise<void>;
}

export interface StatusBar {
  registerStatusItem(id: string, item: StatusItem): unknown;
}

export interface StatusItem {
  item: LuminoWidget;
  align: 'left' | 'middle' | 'right';
  rank: number;
  isActive(): boolean;
}

export interface StateDatabase {
  fetch(id: string): Promise<unknown>;
  save(id: string, value: unknown): Promise<void>;
}

/** What JupyterLab offers to a plugin, by the name it goes by here. */
export interface Offered {
  palette: { addItem(item: { command: string; category: string; args?: object }): unknown };
  restorer: Restorer;
  notebooks: NotebookTracker;
  settings: { load(plugin: string): Promise<Settings> };
  statusBar: StatusBar;
  state: StateDatabase;
  translator: { load(domain: string): Words };
}

/** The packages shared by JupyterLab from which something is taken. */
export interface Shared {
  widgets: Lumino;
  apputils: { WidgetTracker: new (options: { namespace: string }) => Tracker };
  icons: { LabIcon: new (options: { name: string; svgstr: string }) => unknown };
  tokens: Partial<Record<keyof Offered, Token>>;
}
