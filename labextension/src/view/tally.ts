/** What came of a stream, what did not, and why: the words at the foot of a view. */
import type { Delivery } from '../protocol/delivery';
import { formatClock, formatCount } from './format';
import { trans } from '../words';

export class Tally {
  /** Rows that came since the stream began. */
  rows = 0;
  /** Rows left out on purpose, because only the newest matter. */
  skipped = 0;
  /** Rows declared missing, by the reason given. */
  readonly missing = new Map<string, number>();
  /** When rows began to replace those that were shown before, ms since 1970. */
  begunAt: number | null = null;
  /** The publisher's clock when the newest rows left it, ms since 1970. */
  time: number | null = null;
  refusal = '';

  take(delivery: Delivery, now: number): void {
    if (delivery.kind === 'rows') {
      this.rows += delivery.end - delivery.start;
      this.time = delivery.time;
    } else if (delivery.kind === 'refused') this.refusal = delivery.message;
    else if (delivery.kind === 'begun') this.begin(delivery.recovered, now);
    else this.miss(delivery.end - delivery.start, delivery.why);
  }

  /** Gaps, skips and new beginnings, as far as there are any. */
  tell(): string[] {
    const { missing, skipped, begunAt } = this;
    return [tellMissing(missing), tellSkipped(skipped), tellBegun(begunAt ?? 0)];
  }

  /** When the newest rows came. */
  updated(): string {
    return this.time === null ? '' : trans.__('updated %1', clock(this.time));
  }

  private miss(rows: number, why: string): void {
    if (why === 'conflated') this.skipped += rows;
    else this.missing.set(why, (this.missing.get(why) ?? 0) + rows);
  }

  private begin(recovered: boolean, now: number): void {
    if (recovered) return;
    if (this.rows > 0) this.begunAt = now;
    this.rows = this.skipped = 0;
    this.time = null;
    this.refusal = '';
    this.missing.clear();
  }
}

/** Put missing rows into words; empty where there are none. */
export function tellMissing(byReason: ReadonlyMap<string, number>): string {
  if (byReason.size === 0) return '';
  const rows = [...byReason.values()].reduce((total, each) => total + each, 0);
  const reasons = [...byReason.keys()].map(tellWhy).join(', ');
  return trans.__('%1 missing (%2)', formatCount(rows), reasons);
}

function tellWhy(why: string): string {
  const told: Partial<Record<string, string>> = {
    evicted: trans.__('evicted'),
    publisher_overflow: trans.__('publisher overflow'),
    reset: trans.__('reset'),
    unreadable: trans.__('unreadable'),
  };
  return told[why] ?? why.replaceAll('_', ' ');
}

/** Put rows that were left out on purpose into words. */
export const tellSkipped = (rows: number): string =>
  rows > 0 ? trans.__('%1 skipped', formatCount(rows)) : '';

/** Say when rows began to replace those before, ms since 1970; 0 where none did. */
export const tellBegun = (ms: number): string =>
  ms > 0 ? trans.__('began anew at %1', clock(ms)) : '';

/** Say how many rows came, and how many of them are kept where that is fewer. */
export function tellRows(kept: number, came: number): string {
  if (kept < came) return trans.__('newest %1 of %2 rows', formatCount(kept), formatCount(came));
  return came === 1 ? trans.__('1 row') : trans.__('%1 rows', formatCount(came));
}

const clock = (ms: number): string => formatClock(Math.floor(ms / 1000) * 1000);
