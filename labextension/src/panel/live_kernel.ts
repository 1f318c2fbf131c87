/** One kernel that is looked at closely: its streams' tails, its events, one connection. */
import { connect, type Connection } from '../client';
import { ARROW, NDJSON, Refused } from '../protocol/messages';
import type { KernelTarget } from '../protocol/target';
import type { World } from '../world';
import { EventLog, readArguments, tellArguments, tellValue } from './event_log';
import type { Kernel, Stream } from './kernel';
import type { Tail } from './tail';
import { Taste } from './taste';

/** Streams with a tail; the wire allows a connection 128. */
const MOST_TAILS = 100;

const hasTail = ({ media }: Stream): boolean => media === ARROW || media === NDJSON;

/** Dispatches `change` whenever a tail or the connection changed; `log` tells its own changes. */
export class LiveKernel extends EventTarget {
  readonly log = new EventLog();
  private connection: Connection | null = null;
  private readonly tastes = new Map<string, Taste>();
  private open = new AbortController();

  constructor(
    private readonly target: KernelTarget,
    private readonly world: World,
  ) {
    super();
  }

  /** What is known of a stream; null where it has no tail, or nothing is watched. */
  tail(stream: string): Tail | null {
    return this.tastes.get(stream)?.tail ?? null;
  }

  /** Whether an event would reach the kernel. */
  get reachable(): boolean {
    return this.connection?.state === 'live' && this.connection.status?.publisher === 'online';
  }

  /** Begin, or go on, to watch. */
  watch(kernel: Kernel, tails: boolean): void {
    if (!this.connection) this.begin();
    const wanted = tails ? kernel.streams.filter(hasTail).slice(0, MOST_TAILS) : [];
    for (const { stream, next } of wanted) {
      if (!this.tastes.has(stream)) this.tastes.set(stream, this.taste(stream, next));
    }
    if (!tails) this.closeTastes();
  }

  /** Leave the kernel; what the log has stays. */
  rest(): void {
    this.closeTastes();
    this.open.abort();
    this.connection = null;
  }

  /**
   * Send an event with arguments as they were typed; the log tells how that went.
   *
   * @throws SyntaxError - where the arguments cannot be read; nothing was sent then
   */
  async send(event: string, typed: string): Promise<void> {
    const args = readArguments(typed);
    this.note('sent', event, tellArguments(args));
    try {
      if (!this.connection) throw new Refused('not connected', 0);
      this.note('answered', event, tellValue(await this.connection.emit(event, ...args)));
    } catch (error) {
      this.note('refused', event, error instanceof Error ? error.message : String(error));
    }
  }

  private begin(): void {
    this.open = new AbortController();
    const { signal } = this.open;
    this.connection = connect(this.target, { kind: 'panel', signal, world: this.world });
    this.connection.addEventListener('change', this.changed, { signal });
    this.connection.on('*', (event, ...args) => {
      this.note('came', String(event), tellArguments(args));
    });
  }

  private taste(stream: string, next: number): Taste {
    const { signal } = this.open;
    const wait = (ms: number, then: () => void): void => {
      this.world.wait(ms, then, signal);
    };
    return new Taste(this.connection!, stream, next, this.changed, wait);
  }

  private closeTastes(): void {
    for (const taste of this.tastes.values()) taste.close();
    this.tastes.clear();
  }

  private note(way: 'came' | 'sent' | 'answered' | 'refused', event: string, text: string): void {
    this.log.add(way, event, text, Date.now());
  }

  private readonly changed = (): void => {
    this.dispatchEvent(new Event('change'));
  };
}
