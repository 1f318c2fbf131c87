/**
 * The container in which JupyterLab and Notebook find our extension: what a module federation
 * build would make, by hand, since all it has to share is one class.
 */
import { outputExtension, type WidgetClass } from './output';

/** Shared modules: name -> version -> how to get it. */
type Scope = Record<string, Record<string, { get(): Promise<() => unknown> }> | undefined>;

const NAME = '@jupyter-sio/client';

let scope: Scope = {};

async function widgetClass(): Promise<WidgetClass> {
  const [lumino] = Object.values(scope['@lumino/widgets'] ?? {});
  if (!lumino) throw new Error('jupyter_sio: JupyterLab shares no @lumino/widgets');
  const module = (await lumino.get())() as { Widget: WidgetClass };
  return module.Widget;
}

const page = globalThis as { _JUPYTERLAB?: Record<string, unknown> };

page._JUPYTERLAB ??= {};
page._JUPYTERLAB[NAME] = {
  init(shared: Scope): void {
    scope = shared;
  },

  async get(): Promise<() => object> {
    const extension = outputExtension(await widgetClass());
    return () => ({ __esModule: true, default: extension });
  },
};
