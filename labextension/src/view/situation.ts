/**
 * What a view says about where its rows come from: one word for the reader, never silence.
 */
import type { Status, StreamInfo } from '../protocol/messages';
import { trans } from '../words';

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

function byLink(link: Link): Said | null {
  if (link === 'connecting') return { text: trans.__('connecting'), tone: 'busy' };
  if (link === 'reconnecting') return { text: trans.__('reconnecting'), tone: 'busy' };
  if (link === 'refused') return { text: trans.__('not permitted'), tone: 'bad' };
  return link === 'ended' ? ended() : null;
}

const ended = (): Said => ({ text: trans.__('ended'), tone: 'off' });
const restarted = (): Said => ({ text: trans.__('kernel restarted'), tone: 'busy' });

/** Put a situation into words. */
export function say(situation: Situation): Said {
  const { link, status, streams, reason } = situation;
  const said = byLink(link);
  if (said && reason && link === 'refused')
    return { ...said, text: trans.__('refused: %1', reason) };
  if (said) return reason && link === 'reconnecting' ? { ...said, text: reason } : said;
  if (status?.kernel === 'dead') return ended();
  if (status?.kernel === 'restarting') return restarted();
  const over = streams.length > 0 && streams.every(stream => stream.ended);
  const { interruption } = situation;
  if (over) return interruption === 'none' ? ended() : restarted();
  if (status?.publisher === 'offline') {
    return interruption === 'restarted'
      ? restarted()
      : { text: trans.__('waiting for the kernel'), tone: 'busy' };
  }
  if (streams.length === 0) return { text: trans.__('waiting for rows'), tone: 'busy' };
  return { text: trans.__('live'), tone: 'good' };
}

const WORST: readonly Tone[] = ['bad', 'busy', 'off', 'good'];

/** How several stand: the one that the reader should know of first, by name where they differ. */
export function worstOf(told: readonly { label: string; said: Said }[]): Said {
  const tone = WORST.find(each => told.some(({ said }) => said.tone === each));
  const worst = told.find(({ said }) => said.tone === tone);
  if (!worst) return { text: trans.__('connecting'), tone: 'busy' };
  const alike = told.every(({ said }) => said.text === worst.said.text);
  return alike ? worst.said : { ...worst.said, text: `${worst.label}: ${worst.said.text}` };
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
