/**
 * One model, as its kernel tells it and as the reader has it: what the reader has just set is not
 * taken back by a state that was told before.
 */
import type { State } from '../protocol/widgetState';
import { changed } from './admit';

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

export class Twin {
  /** The traits that were asked for; how to call off that they are as told again. */
  private readonly held = new Map<string, () => void>();

  /**
   * @param told - the state that the model was made with
   * @param show - sets the model's traits, and nothing is sent
   */
  constructor(
    private told: State,
    private readonly show: (values: State) => void,
    private readonly wait: Later = later,
  ) {}

  /** The kernel tells its state. */
  tell(state: State): void {
    const news = Object.entries(changed(this.told, state)).filter(([name]) => !this.held.has(name));
    this.told = state;
    if (news.length > 0) this.show(Object.fromEntries(news));
  }

  /** The reader set these, and the kernel is asked. */
  ask(names: readonly string[]): void {
    for (const name of names) {
      this.held.get(name)?.();
      this.held.set(name, () => undefined);
    }
  }

  /** The kernel has set them, to these values. */
  answer(names: readonly string[], values: State): void {
    this.told = { ...this.told, ...values };
    for (const name of names) {
      this.held.set(
        name,
        this.wait(() => {
          this.release([name]);
        }),
      );
    }
  }

  /** They are as the kernel tells them. */
  release(names: readonly string[]): void {
    for (const name of names) {
      this.held.get(name)?.();
      this.held.delete(name);
    }
    this.show(Object.fromEntries(names.map(name => [name, this.told[name]])));
  }

  /** Forget what was asked for. */
  end(): void {
    for (const callOff of this.held.values()) callOff();
    this.held.clear();
  }
}
