/**
 * Live views as outputs of their own, without a widget model.
 *
 * A model comes from the kernel, by a comm; while a cell runs after a reload, or in a second tab,
 * the kernel does not answer, and a widget stays at "Loading widget…" until the cell has ended.
 * Our views need no model: what to show stands in the output itself, the rows come over the
 * connection of their own.
 */
import { imagePlan } from '../widget/image';
import { logPlan } from '../widget/log';
import { mountView, type Model, type Plan } from '../widget/mount';
import { plotPlan } from '../widget/plot';
import { tablePlan } from '../widget/table';
import { valuePlan } from '../widget/value';
import type { WidgetClass } from './jupyterlab';

/** Written by `jupyter_sio/widgets/live.py`. */
export const MIME = 'application/vnd.jupyter-sio.view+json';

const PLANS: Partial<Record<string, Plan>> = {
  image: imagePlan,
  log: logPlan,
  plot: plotPlan,
  table: tablePlan,
  value: valuePlan,
};

/** The part of JupyterLab's IRenderMime.IMimeModel that is used here. */
interface MimeModel {
  readonly data: Record<string, unknown>;
}

/** JupyterLab's IRenderMime.IExtension, for our one MIME type. */
export function outputExtension(Widget: WidgetClass): object {
  class Output extends Widget {
    private current = new AbortController();

    constructor() {
      super();
      this.addClass('jsio-output');
    }

    renderModel(model: MimeModel): Promise<void> {
      this.current.abort();
      this.current = new AbortController();
      const spec = model.data[MIME] as Record<string, unknown>;
      const plan = PLANS[String(spec.kind)];
      if (plan) mountView(plan, asModel(spec), this.node, this.current.signal);
      else this.node.textContent = 'This view is of a newer jupyter_sio: reload after updating.';
      return Promise.resolve();
    }

    override dispose(): void {
      this.current.abort();
      super.dispose();
    }
  }

  return {
    id: '@jupyter-sio/client:output',
    // Before the widget manager's -10: an output carries both.
    rank: -20,
    dataType: 'json',
    rendererFactory: {
      safe: false, // somebody else's notebook connects nowhere before it is trusted
      mimeTypes: [MIME],
      createRenderer: () => new Output(),
    },
  };
}

function asModel(spec: Readonly<Record<string, unknown>>): Model {
  const nothing = (): void => undefined;
  return { get: name => spec[name], on: nothing, off: nothing };
}
