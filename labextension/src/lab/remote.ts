/**
 * The container in which JupyterLab and Notebook find our extensions: what a module federation
 * build would make, by hand, since all it has to share is a few classes and tokens.
 */
import { panelPlugin } from '../panel/plugin';
import type { Lumino, Offered, Shared, Token } from './jupyterlab';
import { outputExtension } from './output';

/** Shared modules: name -> version -> how to get it. */
type Scope = Record<string, Record<string, { get(): Promise<() => unknown> }> | undefined>;

const NAME = '@jupyter-sio/client';

/** Where the tokens of what JupyterLab offers are. */
const TOKENS: Record<keyof Offered, readonly [module: string, name: string]> = {
  palette: ['@jupyterlab/apputils', 'ICommandPalette'],
  restorer: ['@jupyterlab/application', 'ILayoutRestorer'],
  notebooks: ['@jupyterlab/notebook', 'INotebookTracker'],
  settings: ['@jupyterlab/settingregistry', 'ISettingRegistry'],
  statusBar: ['@jupyterlab/statusbar', 'IStatusBar'],
  state: ['@jupyterlab/statedb', 'IStateDB'],
  translator: ['@jupyterlab/translation', 'ITranslator'],
};

let scope: Scope = {};

async function shared<T>(name: string): Promise<T> {
  const [found] = Object.values(scope[name] ?? {});
  if (!found) throw new Error(`jupyter_sio: JupyterLab shares no ${name}`);
  return (await found.get())() as T;
}

/** Notebook 7 shares less: what it has no token for, it does not offer. */
async function token([module, name]: readonly [string, string]): Promise<Token | undefined> {
  if (!scope[module]) return undefined;
  return (await shared<Record<string, Token | undefined>>(module))[name];
}

async function sharedWithPanel(): Promise<Shared> {
  const tokens: Shared['tokens'] = {};
  for (const [name, place] of Object.entries(TOKENS)) {
    const found = await token(place);
    if (found) tokens[name as keyof Offered] = found;
  }
  return {
    widgets: await shared<Shared['widgets']>('@lumino/widgets'),
    apputils: await shared<Shared['apputils']>('@jupyterlab/apputils'),
    icons: await shared<Shared['icons']>('@jupyterlab/ui-components'),
    tokens,
  };
}

const EXTENSIONS: Record<string, () => Promise<object>> = {
  './mimeExtension': async () => outputExtension((await shared<Lumino>('@lumino/widgets')).Widget),
  './extension': async () => panelPlugin(await sharedWithPanel()),
};

const page = globalThis as { _JUPYTERLAB?: Record<string, unknown> };

page._JUPYTERLAB ??= {};
page._JUPYTERLAB[NAME] = {
  init(from: Scope): void {
    scope = from;
  },

  async get(module: string): Promise<() => object> {
    const make = EXTENSIONS[module];
    if (!make) throw new Error(`jupyter_sio: there is no ${module}`);
    const extension = await make();
    return () => ({ __esModule: true, default: extension });
  },
};
