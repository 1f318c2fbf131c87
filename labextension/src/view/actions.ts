/**
 * Buttons that each send an event to the kernel, and what its handler answered. They know no
 * socket: `send` is given.
 */
import { brief, make, setText } from './dom';
import { trans } from '../words';

export type Send = (event: string) => Promise<unknown>;

export class Actions {
  private readonly said = make('span', 'jsio-answer');
  private readonly buttons: readonly HTMLButtonElement[];

  constructor(place: Element, events: readonly string[], send: Send, signal: AbortSignal) {
    const bar = make('div', 'jsio-actions');
    this.said.setAttribute('role', 'status');
    this.buttons = events.map(event => {
      const button = make('button', '', event);
      button.type = 'button';
      button.addEventListener('click', () => void this.act(event, send), { signal });
      return button;
    });
    bar.append(...this.buttons, this.said);
    place.append(bar);
  }

  /** Whether there is a kernel that could answer. */
  allow(possible: boolean): void {
    for (const button of this.buttons) button.disabled = !possible;
  }

  private async act(event: string, send: Send): Promise<void> {
    setText(this.said, `${event} …`);
    setText(this.said, brief(await send(event).then(answerOf(event), refusalOf(event))));
  }
}

export const answerOf =
  (event: string) =>
  (answer: unknown): string =>
    typeof answer === 'string' && answer ? answer : trans.__('%1 was received', event);

export const refusalOf =
  (event: string) =>
  (error: unknown): string =>
    trans.__('%1 was not done: %2', event, error instanceof Error ? error.message : String(error));
