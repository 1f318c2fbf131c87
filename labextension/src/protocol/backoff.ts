/**
 * How long to wait before the next try: full jitter, and `retry_ms` wins. Source: protocol.md §8.
 */

const BASE_MS = 500;
const CAP_MS = 10_000;

/**
 * Milliseconds to wait before try number `attempt` (from 0).
 *
 * @param random - between 0 and 1, passed in so that a test may choose it
 * @param retryMs - what the server's `$bye` asked for, if it did
 */
export function backoff(attempt: number, random: number, retryMs: number | null = null): number {
  if (retryMs !== null) return Math.max(0, retryMs);
  // 2**30 times the base is far above the cap, and no larger power is ever computed.
  return random * Math.min(CAP_MS, BASE_MS * 2 ** Math.min(attempt, 30));
}
