/**
 * What a view says about where its rows come from: one word for the reader, never silence.
 */
import type { Status, StreamInfo } from '../protocol/messages';

/** How the connection stands. `ended` and `refused` are final. */
export type Link = 'connecting' | 'live' | 'reconnecting' | 'ended' | 'refused';

/** What happened to the publisher since the rows that are shown began. */
export type Interruption = 'none' | 'lost' | 'restarted';

export interface Situation {
  link: Link;
  /** Why it was refused or has ended, or what is waited for while reconnecting, where known. */
  reason: string;
  status: Status | null;
  /** The streams that the view shows, as far as they are known. */
  streams: readonly StreamInfo[];
  interruption: Interruption;
}

export type Tone = 'good' | 'busy' | 'bad' | 'off';

export interface Said {
  text: string;
  tone: Tone;
}

const BY_LINK: Partial<Record<Link, Said>> = {
  connecting: { text: 'connecting', tone: 'busy' },
  reconnecting: { text: 'reconnecting', tone: 'busy' },
  ended: { text: 'ended', tone: 'off' },
  refused: { text: 'not permitted', tone: 'bad' },
};

const ENDED: Said = { text: 'ended', tone: 'off' };
const RESTARTED: Said = { text: 'kernel restarted', tone: 'busy' };

/** Put a situation into words. */
export function say(situation: Situation): Said {
  const { link, status, streams, reason } = situation;
  const said = BY_LINK[link];
  if (said && reason && link === 'refused') return { ...said, text: `refused: ${reason}` };
  if (said) return reason && link === 'reconnecting' ? { ...said, text: reason } : said;
  if (status?.kernel === 'dead') return ENDED;
  if (status?.kernel === 'restarting') return RESTARTED;
  const ended = streams.length > 0 && streams.every(stream => stream.ended);
  const { interruption } = situation;
  if (ended) return interruption === 'none' ? ENDED : RESTARTED;
  if (status?.publisher === 'offline') {
    return interruption === 'restarted'
      ? RESTARTED
      : { text: 'waiting for the kernel', tone: 'busy' };
  }
  if (streams.length === 0) return { text: 'waiting for rows', tone: 'busy' };
  return { text: 'live', tone: 'good' };
}

/**
 * What is known after a `$status`. `restarting` may be missed when the user restarts the kernel:
 * then it is first seen `starting`, its publisher gone.
 */
export function afterStatus(before: Interruption, status: Status): Interruption {
  const restarts = status.kernel === 'restarting' || status.kernel === 'starting';
  if (restarts && status.publisher !== 'never') return 'restarted';
  return status.publisher === 'offline' && before === 'none' ? 'lost' : before;
}

/** What is known after rows came: `begun` where they are the first of a new life. */
export function afterRows(before: Interruption, begun: boolean): Interruption {
  return begun || before === 'lost' ? 'none' : before;
}
