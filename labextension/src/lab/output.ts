/**
 * Live views as outputs of their own, without a widget model.
 *
 * A model comes from the kernel, by a comm; while a cell runs after a reload, or in a second tab,
 * the kernel does not answer, and a widget stays at "Loading widget…" until the cell has ended.
 * Our views need no model: what to show stands in the output itself, the rows come over the
 * connection of their own.
 */
import { PICTURES, showStill } from '../view/still';
import type { View } from '../view/view';
import { imagePlan } from '../widget/image';
import { logPlan } from '../widget/log';
import { mountView, type Model, type Plan } from '../widget/mount';
import { plotPlan } from '../widget/plot';
import { tablePlan } from '../widget/table';
import { valuePlan } from '../widget/value';
import type { WidgetClass } from './jupyterlab';
import { beforeSaving } from './saving';

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
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
  setData(options: { data: object; metadata: object }): void;
}

/** JupyterLab's IRenderMime.IExtension, for our one MIME type. */
export function outputExtension(Widget: WidgetClass): object {
  class Output extends Widget {
    private current = new AbortController();
    private model: MimeModel | null = null;
    private view: View | null = null;
    /** What the view was made for. */
    private spec = '';
    /** Rows came: what is shown is newer than what was saved. */
    private live = false;
    private unhook: (() => void) | null = null;

    constructor() {
      super();
      this.addClass('jsio-output');
    }

    renderModel(model: MimeModel): Promise<void> {
      this.model = model;
      const spec = model.data[MIME] as Record<string, unknown>;
      // A still that is put into the model has it rendered anew.
      if (JSON.stringify(spec) !== this.spec) this.mount(spec);
      return Promise.resolve();
    }

    private mount(spec: Readonly<Record<string, unknown>>): void {
      this.current.abort();
      this.current = new AbortController();
      this.spec = JSON.stringify(spec);
      this.live = false;
      this.node.replaceChildren();
      const plan = PLANS[String(spec.kind)];
      if (!plan) {
        this.node.textContent = 'This view is of a newer jupyter_sio: reload after updating.';
        return;
      }
      this.showSaved();
      this.view = mountView(plan, asModel(spec), this.node, this.current.signal, this.begun);
    }

    /** Until rows come, or in their place, what was saved is shown. */
    private showSaved(): void {
      const model = this.model!;
      const saved = (model.metadata[MIME] as { saved?: unknown } | undefined)?.saved;
      if (typeof saved === 'number') this.node.append(showStill(model, saved));
    }

    private readonly begun = (): void => {
      if (this.live) return;
      this.live = true;
      this.node.querySelector('.jsio-still')?.remove();
    };

    /** Called by Lumino, whenever the output comes into the page. */
    onAfterAttach(): void {
      this.unhook ??= beforeSaving(this, this.keep);
      const text = this.node.querySelector('.jsio-still-text');
      if (text) text.scrollTop = text.scrollHeight; // the newest is last
    }

    private readonly keep = (): void => {
      const still = this.live ? this.view?.still?.() : null;
      if (!still || !this.model) return;
      const { data, metadata } = this.model;
      const same = Object.entries(still.data).every(([type, value]) => data[type] === value);
      if (same) return; // or each saving would change the file
      const kept = Object.entries(data).filter(([type]) => !PICTURES.some(each => each === type));
      this.model.setData({
        data: { ...Object.fromEntries(kept), ...still.data },
        metadata: { ...metadata, ...still.metadata, [MIME]: { saved: Date.now() } },
      });
    };

    override dispose(): void {
      this.current.abort();
      this.unhook?.();
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
