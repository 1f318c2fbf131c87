/** What all widgets do: find the server, watch the streams, and say how that goes. */
import type { Connection } from '../client';
import type { Delivery } from '../protocol/delivery';
import { isKernelId, type KernelTarget } from '../protocol/target';
import { Story } from '../story';
import { Actions } from '../view/actions';
import type { View } from '../view/view';
import { lease } from './pool';

/** The part of anywidget's model that is used here. */
export interface Model {
  get(name: string): unknown;
  on(event: string, listener: () => void): void;
  off(event: string, listener: () => void): void;
}

export interface RenderProps {
  model: Model;
  el: HTMLElement;
  /** Not there before anywidget 0.11. */
  signal?: AbortSignal;
}

export interface Widget {
  render(props: RenderProps): () => void;
}

/** Bytes on their way to a view that has not drawn yet; a hidden page takes no more than that. */
const WINDOW = 2 * 1024 * 1024;

export interface Plan {
  /** Traits that, when they change, have the view made anew. */
  traits: readonly string[];
  streams(model: Model): string[];
  view(model: Model, el: HTMLElement, signal: AbortSignal): View;
  /** Rows of the history to ask for; all, where it is not given. */
  tail?(model: Model): number;
}

/** Make an anywidget of a view. */
export function widgetOf(plan: Plan): Widget {
  return {
    render({ model, el, signal }) {
      let current = new AbortController();
      const make = (): void => {
        current.abort();
        current = new AbortController();
        mountView(plan, model, el, current.signal);
      };
      const end = (): void => {
        current.abort();
        for (const trait of plan.traits) model.off(`change:${trait}`, make);
      };
      for (const trait of plan.traits) model.on(`change:${trait}`, make);
      signal?.addEventListener('abort', end);
      make();
      return end;
    },
  };
}

/**
 * Show in `el` what `model` says, until `signal` is aborted.
 *
 * @param begun - called when the first rows have come
 */
export function mountView(
  plan: Plan,
  model: Model,
  el: HTMLElement,
  signal: AbortSignal,
  begun?: () => void,
): View {
  const view = plan.view(model, el, signal);
  const target = findKernel(model);
  if (typeof target === 'string') {
    view.say({ text: target, tone: 'bad' });
    return view;
  }
  const streams = plan.streams(model);
  const connection = lease(target, streams, signal);
  const story = new Story(connection, streams, view);
  connection.addEventListener('change', story.tell, { signal });
  offerActions(connection, textsOf(model, 'buttons') ?? [], el, signal);
  const options = plan.tail ? { tail: plan.tail(model) } : {};
  for (const stream of streams) {
    const take = (delivery: Delivery): void => {
      if (delivery.kind === 'rows') begun?.();
      story.take(delivery);
    };
    const watch = connection.subscribe(stream, take, { window: WINDOW, ...options });
    signal.addEventListener('abort', () => {
      watch.close();
    });
  }
  story.tell();
  return view;
}

function offerActions(
  connection: Connection,
  events: readonly string[],
  el: HTMLElement,
  signal: AbortSignal,
): void {
  if (events.length === 0) return;
  const root = el.lastElementChild ?? el; // what the view has just put there
  const actions = new Actions(root, events, event => connection.emit(event), signal);
  const allow = (): void => {
    actions.allow(connection.state === 'live' && connection.status?.publisher === 'online');
  };
  connection.addEventListener('change', allow, { signal });
  allow();
}

/** The kernel to watch, or why it cannot be found. */
function findKernel(model: Model): KernelTarget | string {
  const page = pageConfig();
  const kernelId = textOf(model, 'kernel_id');
  const baseUrl = page.baseUrl ?? pathOf(model, 'base_url');
  if (!isKernelId(kernelId)) return 'no kernel: make this widget anew in a running notebook';
  if (!baseUrl) return 'no Jupyter server is known to this page';
  return page.token ? { baseUrl, kernelId, token: page.token } : { baseUrl, kernelId };
}

/** A path; nothing that would lead the reader to another host. */
function pathOf(model: Model, name: string): string {
  const value = textOf(model, name);
  return /^\/(?!\/)/.test(value) ? value : '';
}

/** What Jupyter's pages say about their server. The token stays here: never in a model. */
export function pageConfig(): { baseUrl?: string; token?: string } {
  try {
    const text = document.getElementById('jupyter-config-data')?.textContent;
    return JSON.parse(text ?? '{}') as { baseUrl?: string; token?: string };
  } catch {
    return {};
  }
}

export function textOf(model: Model, name: string): string {
  const value = model.get(name);
  return typeof value === 'string' ? value : '';
}

export function textsOf(model: Model, name: string): string[] | null {
  const value = model.get(name);
  return Array.isArray(value) ? value.map(String) : null;
}

export function numberOf(model: Model, name: string): number | null {
  const value = model.get(name);
  return typeof value === 'number' ? value : null;
}
