/**
 * The models of one mirrored widget and their views, as ipywidgets' front end asks its manager for
 * them. Nothing is fetched: what the front end has is in this script.
 */
import * as base from '@jupyter-widgets/base';
import { LabelModel } from '@jupyter-widgets/controls';
import type { Gesture } from '../view/controls';
import type { State } from '../protocol/widgetState';
import type { Admitted } from './admit';
import { Channel } from './channel';
import { dress } from './dress';
import { part } from './parts';
import { Problem } from './problem';
import { wordsOf } from './stand_in';
import { Twin } from './twin';

/** Ask the kernel to set something of a model; the values as they are then. */
export type Ask = (model: string, gesture: Gesture) => Promise<State>;

interface Member {
  readonly model: Promise<base.WidgetModel>;
  readonly twin: Twin;
  readonly problem: Problem;
  admitted: Admitted;
}

/** What is drawn of a model whose state the front end cannot take. */
class Words extends LabelModel {}

type ModelClass = typeof base.WidgetModel;
type ViewClass = new (parameters: object) => base.WidgetView;

export class Family implements base.IWidgetManager {
  private readonly members = new Map<string, Member>();
  /** While the front end sets traits by itself, nothing is sent: a look moves no slider. */
  private quiet = 0;

  /**
   * @param touched - whether the reader has done anything yet
   * @param elsewhere - where problems are told that have no place beside their control
   */
  constructor(
    private readonly ask: Ask,
    private readonly touched: () => boolean,
    private readonly elsewhere: HTMLElement,
  ) {}

  /** Make the models that are new, keep the others in step, leave those that are gone. */
  tell(all: ReadonlyMap<string, Admitted>): void {
    for (const id of this.members.keys()) if (!all.has(id)) this.leave(id);
    for (const [id, admitted] of all) {
      const member = this.members.get(id);
      if (member) member.admitted = admitted;
      else this.join(id, admitted);
    }
    // After all have joined: a box asks for its new children.
    for (const [id, { state }] of all) this.members.get(id)!.twin.tell(state);
  }

  end(): void {
    for (const id of [...this.members.keys()]) this.leave(id);
  }

  private join(id: string, admitted: Admitted): void {
    const problem = new Problem(this.elsewhere);
    const show = (values: State): void => {
      void this.show(id, values);
    };
    const twin = new Twin(admitted.state, show);
    const channel = new Channel(id, {
      twin,
      settable: () => this.members.get(id)?.admitted.settable ?? [],
      quiet: () => this.quiet > 0 || !this.touched(),
      ask: gesture => this.ask(id, gesture),
      tell: text => {
        void this.tellProblem(id, text);
      },
    });
    const model = this.make(id, admitted, channel);
    this.members.set(id, { model, twin, problem, admitted });
  }

  private leave(id: string): void {
    const member = this.members.get(id)!;
    this.members.delete(id);
    member.twin.end();
    member.problem.tell('', []);
    void member.model.then(model => model.close(true));
  }

  private async make(
    model_id: string,
    { name, module, state }: Admitted,
    comm: Channel,
  ): Promise<base.WidgetModel> {
    await Promise.resolve(); // until all have joined
    const options = { model_id, comm, widget_manager: this };
    try {
      const Model = part(module, name) as ModelClass;
      const attributes = await Model._deserialize_state({ ...state } as never, this);
      return this.quietly(() => new Model(attributes, options));
    } catch {
      return new Words({ value: wordsOf(name, state) }, options);
    }
  }

  /** Set what the kernel tells, and send nothing of it back. */
  private async show(id: string, values: State): Promise<void> {
    const member = this.members.get(id);
    const model = await member?.model;
    if (!member || !model) return;
    if (model instanceof Words) {
      model.set('value', wordsOf(member.admitted.name, member.admitted.state));
      return;
    }
    const Model = model.constructor as ModelClass;
    const set = async (): Promise<void> => {
      const state = await Model._deserialize_state(values as never, this);
      this.quietly(() => {
        model.set_state(state);
      });
    };
    // A state that cannot be taken leaves the one before.
    model.state_change = model.state_change.then(set).catch(nothing);
  }

  private async tellProblem(id: string, text: string): Promise<void> {
    const member = this.members.get(id);
    const model = await member?.model;
    const views = await Promise.all(Object.values(model?.views ?? {}));
    const elements = views.flatMap(view => (view instanceof base.DOMWidgetView ? [view.el] : []));
    member?.problem.tell(text, elements, String(model?.get('description') ?? ''));
  }

  private quietly<T>(set: () => T): T {
    this.quiet++;
    try {
      return set();
    } finally {
      this.quiet--;
    }
  }

  // --- what the front end asks for ----------------------------------------------------------

  get_model(id: string): Promise<base.WidgetModel> {
    return this.members.get(id)?.model ?? Promise.reject(new Error(`there is no model ${id}`));
  }

  has_model(id: string): boolean {
    return this.members.has(id);
  }

  create_view<V extends base.WidgetView>(model: base.WidgetModel, options?: unknown): Promise<V> {
    const id = base.uuid();
    const made = model.state_change.then(() => this.view(model, options)) as Promise<V>;
    model.views![id] = made;
    model.state_change = made.then(view => {
      view.once('remove', () => {
        delete model.views?.[id];
      });
    }, nothing);
    return made;
  }

  private async view(model: base.WidgetModel, options: unknown): Promise<base.WidgetView> {
    try {
      return await this.viewOf(model, options);
    } catch (error) {
      if (!(model instanceof base.DOMWidgetModel)) throw error;
      // Its state fits no control: a slider may end before it begins.
      const value = wordsOf(String(model.get('_model_name')), model.attributes);
      const words = new Words({ value }, { model_id: '', widget_manager: this });
      return await this.viewOf(words, options);
    }
  }

  private async viewOf(model: base.WidgetModel, options: unknown): Promise<base.WidgetView> {
    const View = part(model.get('_view_module'), model.get('_view_name')) as ViewClass;
    const view = this.quietly(() => new View({ model, options }));
    view.listenTo(model, 'destroy', view.remove.bind(view));
    await this.quietly(() => view.render() as unknown);
    if (view instanceof base.DOMWidgetView) this.keepDressed(view);
    return view;
  }

  private keepDressed(view: base.DOMWidgetView): void {
    const { model } = view;
    const dressed = (): void => {
      dress(view.el, model.attributes, this.members.get(model.model_id)?.admitted.settable ?? []);
    };
    dressed();
    view.listenTo(model, 'change', dressed);
  }

  callbacks(): base.ICallbacks {
    return {};
  }

  inline_sanitize(text: string): string {
    return text; // it becomes text: see build.mjs
  }

  resolveUrl(url: string): Promise<string> {
    return Promise.resolve(url);
  }

  /** Models come from the kernel alone. */
  readonly register_model = (): void => undefined;
  readonly new_widget = refuse;
  readonly new_model = refuse;
}

const nothing = (): void => undefined;

const refuse = (): Promise<never> =>
  Promise.reject(new Error('what is mirrored is made in the kernel'));
