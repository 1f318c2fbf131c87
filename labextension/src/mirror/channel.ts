/**
 * What a model of ipywidgets' front end takes for its comm: what the reader sets goes out as the
 * mirrored widget's event, one request of a model at a time (the model itself gathers what is set
 * meanwhile), and only what may be set.
 */
import type { IClassicComm, ICallbacks } from '@jupyter-widgets/base';
import { isRecord, type State } from '../protocol/widgetState';
import type { Gesture } from '../view/controls';
import type { Twin } from './twin';

export interface Line {
  readonly twin: Twin;
  readonly settable: () => readonly string[];
  /** Whether it is the front end itself that sets, not its reader. */
  readonly quiet: () => boolean;
  /** Ask the kernel; what it answers are the values as they are then. */
  readonly ask: (gesture: Gesture) => Promise<State>;
  /** Say beside the control what went wrong, or that nothing did. */
  readonly tell: (problem: string) => void;
}

const nothing = (): void => undefined;

export class Channel implements IClassicComm {
  readonly target_name = 'jupyter.widget';
  /** What is told comes by another way. */
  readonly on_msg = nothing;
  readonly on_close = nothing;
  readonly open = (): string => '';
  readonly close = (): string => '';

  constructor(
    readonly comm_id: string,
    private readonly line: Line,
  ) {}

  readonly send = (data: unknown, callbacks?: ICallbacks): string => {
    if (isRecord(data) && !this.line.quiet()) {
      if (data.method === 'update' && isRecord(data.state)) void this.set(data.state, callbacks);
      else if (data.method === 'custom') void this.press(data.content);
    } else {
      queueMicrotask(() => {
        idle(callbacks);
      });
    }
    return '';
  };

  private async set(state: State, callbacks: ICallbacks | undefined): Promise<void> {
    const { twin, ask, settable } = this.line;
    const names = settable().filter(name => name in state);
    const values = Object.fromEntries(names.map(name => [name, state[name]]));
    await Promise.resolve(); // the model counts what it has sent only after it was
    try {
      if (names.length > 0) {
        twin.ask(names);
        twin.answer(names, await ask({ values }));
        this.line.tell('');
      }
    } catch (error) {
      twin.release(names);
      this.line.tell(wordsOf(error));
    } finally {
      idle(callbacks);
    }
  }

  private async press(content: unknown): Promise<void> {
    if (!isRecord(content) || content.event !== 'click') return;
    if (!this.line.settable().includes('click')) return;
    try {
      await this.line.ask({ content: { event: 'click' } });
      this.line.tell('');
    } catch (error) {
      this.line.tell(wordsOf(error));
    }
  }
}

/** The model may send again. */
function idle(callbacks: ICallbacks | undefined): void {
  const message = { content: { execution_state: 'idle' } };
  callbacks?.iopub?.status?.(message as never);
}

const wordsOf = (error: unknown): string =>
  error instanceof Error ? error.message : JSON.stringify(error);
