/**
 * A mirrored ipywidget with all that is in it: the newest state is shown, and what the reader does
 * is sent, one request at a time and the newest last. It knows no socket: `ask` is given.
 */
import type { Delivery } from '../protocol/delivery';
import {
  isRecord,
  type Mirrored,
  type Model,
  readMirrored,
  referred,
  texts,
} from '../protocol/widgetState';
import { type Control, type Gesture, makeControl } from './control';
import { make, makeRoot, setText, StatusLine } from './dom';
import { kindOf } from './kind';
import { Pending } from './pending';
import type { Said } from './situation';
import { followTheme } from './theme';
import type { View } from './view';

/** Ask the kernel's handler of an event. */
export type Ask = (event: string, request: unknown) => Promise<unknown>;

export interface ControlsOptions {
  ask: Ask;
  /** Whether the reader may send this event. */
  may: (event: string) => boolean;
}

export class ControlsView implements View {
  private readonly root: HTMLElement;
  private readonly body = make('div', 'jsio-controls');
  private readonly problem = make('p', 'jsio-control-problem');
  private readonly status = new StatusLine();
  private readonly pending: Pending;
  private readonly controls = new Map<string, Control>();
  private readonly requests: Requests;
  private mirrored: Mirrored | null = null;
  private shape = '';
  private live = false;

  constructor(
    place: HTMLElement,
    private readonly options: ControlsOptions,
    signal: AbortSignal,
  ) {
    this.root = makeRoot(place, 'mirror', signal);
    this.problem.setAttribute('role', 'alert');
    this.problem.hidden = true;
    this.root.append(this.body, this.problem, this.status.element);
    this.requests = new Requests(this.send, this.done);
    this.pending = new Pending(this.apply, this.draw, signal);
    followTheme(this.root, () => undefined, signal);
  }

  take(delivery: Delivery): void {
    this.pending.push(delivery);
  }

  say(said: Said): void {
    this.live = said.tone === 'good';
    this.status.say(said);
    this.draw();
  }

  private readonly apply = (delivery: Delivery): void => {
    if (delivery.kind !== 'rows') return;
    const { table } = delivery;
    this.mirrored = readMirrored(table, table.rows - 1) ?? this.mirrored;
  };

  private readonly draw = (): void => {
    const { mirrored } = this;
    if (!mirrored) return;
    const shape = JSON.stringify(shapeOf(mirrored, mirrored.root, 0));
    if (shape !== this.shape) this.rebuild(mirrored, shape);
    const may = this.live && this.options.may(mirrored.event);
    for (const [id, control] of this.controls) {
      const model = mirrored.models.get(id);
      // What the reader has asked for and was not answered yet is not shown as it was.
      if (model && !this.requests.waits(id)) control.show(model, may);
    }
  };

  private rebuild(mirrored: Mirrored, shape: string): void {
    this.shape = shape;
    this.controls.clear();
    this.body.replaceChildren(this.build(mirrored, mirrored.models.get(mirrored.root)!, 0));
  }

  private build(mirrored: Mirrored, model: Model, depth: number): HTMLElement {
    if (kindOf(model) !== 'box' || depth > DEEPEST) {
      const control = makeControl(model, this.requests.add);
      this.controls.set(model.id, control);
      return control.element;
    }
    const box = make('div', 'jsio-control-box');
    box.dataset.row = String(model.name.startsWith('HBox'));
    const titles = texts(model.state.titles);
    for (const [at, child] of referred(mirrored, model.state.children).entries()) {
      if (titles[at]) box.append(make('h3', 'jsio-control-title', titles[at]));
      box.append(this.build(mirrored, child, depth + 1));
    }
    return box;
  }

  private readonly send = async (model: string, gesture: Gesture): Promise<void> => {
    const answer = await this.options.ask(this.mirrored!.event, { model, ...gesture });
    if (!isRecord(answer)) return;
    if (typeof answer.error === 'string') throw new Error(answer.error);
    this.tellProblem('');
    // The widget may have made another value of it, and tells no change where that is the old one.
    const set = this.mirrored?.models.get(model);
    if (set && isRecord(answer.values)) {
      const state = { ...set.state, ...answer.values };
      this.mirrored?.models.set(model, { ...set, state });
    }
  };

  private readonly done = (problem: unknown): void => {
    if (problem !== null) {
      this.tellProblem(problem instanceof Error ? problem.message : JSON.stringify(problem));
    }
    this.draw();
  };

  private tellProblem(text: string): void {
    setText(this.problem, text.slice(0, 500));
    this.problem.hidden = text === '';
  }
}

const DEEPEST = 20;

/** What the elements depend on; values change without them. */
function shapeOf(mirrored: Mirrored, id: string, depth: number): unknown {
  const model = mirrored.models.get(id);
  if (!model || depth > DEEPEST) return id;
  const children = referred(mirrored, model.state.children);
  return [
    id,
    kindOf(model),
    model.name,
    model.state.titles,
    children.map(child => shapeOf(mirrored, child.id, depth + 1)),
  ];
}

/** For so long after an answer, states that were told before it may still come. */
const SETTLING_MS = 400;

/** Call back later; what is returned calls it off. */
export type Later = (callback: () => void) => () => void;

const later: Later = callback => {
  const timer = setTimeout(callback, SETTLING_MS);
  return () => {
    clearTimeout(timer);
  };
};

/** At most one request of a model is on its way; of those that follow the newest is sent next. */
export class Requests {
  private readonly busy = new Set<string>();
  private readonly settling = new Map<string, () => void>();
  private readonly next = new Map<string, Gesture>();

  constructor(
    private readonly send: (model: string, gesture: Gesture) => Promise<void>,
    /** Called with what went wrong with the last one, or null, when there is no more to send. */
    private readonly done: (problem: unknown) => void,
    private readonly wait: Later = later,
  ) {}

  waits(model: string): boolean {
    return this.busy.has(model) || this.settling.has(model);
  }

  readonly add = (model: string, gesture: Gesture): void => {
    this.next.set(model, gesture);
    if (!this.busy.has(model)) void this.work(model);
  };

  private async work(model: string): Promise<void> {
    this.busy.add(model);
    this.settling.get(model)?.();
    this.settling.delete(model);
    let problem: unknown = null;
    for (let gesture = this.take(model); gesture; gesture = this.take(model)) {
      problem = await this.send(model, gesture).then(
        () => null,
        (error: unknown) => error,
      );
    }
    this.busy.delete(model);
    if (problem === null) this.settle(model);
    else this.done(problem);
  }

  private settle(model: string): void {
    const settled = (): void => {
      this.settling.delete(model);
      this.done(null);
    };
    this.settling.set(model, this.wait(settled));
  }

  private take(model: string): Gesture | undefined {
    const gesture = this.next.get(model);
    this.next.delete(model);
    return gesture;
  }
}
