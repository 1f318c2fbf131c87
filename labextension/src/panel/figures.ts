/** Figures of the panel, in words. */
import { formatBytes, formatCount } from '../view/format';
import { trans } from '../words';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long ago, to one or two units. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < MINUTE) return trans.__('%1 s', seconds);
  if (seconds < HOUR) return trans.__('%1 min', Math.floor(seconds / MINUTE));
  if (seconds < DAY) {
    const minutes = Math.floor((seconds % HOUR) / MINUTE);
    return trans.__('%1 h %2 min', Math.floor(seconds / HOUR), minutes);
  }
  return trans.__('%1 d %2 h', Math.floor(seconds / DAY), Math.floor((seconds % DAY) / HOUR));
}

export const formatSize = (bytes: number): string => formatBytes(Math.round(bytes));

/** Rows per second: one digit more where there are few. */
export const formatRate = (rate: number): string =>
  rate > 0 && rate < 10 ? rate.toFixed(1) : formatCount(Math.round(rate));
