/** What the page says at its head: how things stand, and what the reader can do about it. */
import type { State } from '../client';
import type { Bye } from '../protocol/messages';
import { Code } from '../protocol/messages';
import type { Said } from '../view/situation';
import { capital } from './parts';

export interface Standing {
  state: State;
  reason: string;
  bye: Bye | null;
  /** What the streams' situation is called while there is a connection. */
  said: Said;
  /** Whether the page was opened by a share link. */
  byLink: boolean;
  /** Since when there is no connection, in ms. */
  lostFor: number;
}

export interface Notice extends Said {
  /** What it means; empty where nothing needs to be said. */
  detail: string;
}

const PATIENCE_MS = 15_000;

export function notice(standing: Standing): Notice {
  const { state, said, byLink } = standing;
  if (state === 'refused') return byLink ? ofLink(standing) : ofIdentity(standing);
  if (state === 'reconnecting') return ofSilence(standing);
  if (state === 'connecting' && standing.lostFor >= PATIENCE_MS) return ofSilence(standing);
  if (state === 'ended') return ENDED;
  return { ...said, detail: DETAILS[said.text] ?? '' };
}

const ENDED: Notice = {
  text: 'ended',
  tone: 'off',
  detail: 'The kernel has ended. What is shown is all that came.',
};

const DETAILS: Partial<Record<string, string>> = {
  'kernel restarted':
    'The kernel was restarted. What is shown is of its last run; it goes on when the next one sends.',
  'waiting for the kernel': 'The kernel does not send at the moment. This page goes on by itself.',
};

const WHY = [
  ['revoked', 'this link was revoked'],
  ['expired', 'this link has expired'],
] as const;

function ofLink({ bye, reason }: Standing): Notice {
  const again = 'Ask whoever gave it to you for a new one.';
  if (bye?.code === Code.DISCONNECTED) {
    return { text: 'disconnected', tone: 'bad', detail: 'The owner disconnected you.' };
  }
  if (reason.includes('has ended')) return ENDED;
  const known = WHY.filter(([words]) => reason.includes(words));
  const [one, other] = known;
  if (one && !other) return { text: one[1], tone: 'bad', detail: again };
  const detail = reason ? `${capital(reason)}. ${again}` : again;
  return { text: 'this link does not work', tone: 'bad', detail };
}

function ofIdentity({ bye }: Standing): Notice {
  if (bye?.code === Code.DISCONNECTED) {
    return { text: 'disconnected', tone: 'bad', detail: 'An operator disconnected you.' };
  }
  const detail = 'You are logged out, or may not watch this kernel.';
  return { text: 'not permitted', tone: 'bad', detail };
}

function ofSilence({ bye, lostFor, reason }: Standing): Notice {
  const detail = 'This page goes on trying, and continues where it broke off.';
  if (bye?.code === Code.SHUTTING_DOWN || reason) {
    return { text: reason || 'server stopped', tone: 'bad', detail };
  }
  if (lostFor < PATIENCE_MS) return { text: 'reconnecting', tone: 'busy', detail: '' };
  return { text: 'server not reachable', tone: 'bad', detail };
}
