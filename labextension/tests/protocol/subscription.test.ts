// The viewer's side of a stream, held to the vectors that the Python side is held to.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  type Position,
  readBatch,
  readGap,
  readReset,
  readSubscribed,
  type Subscribe,
} from '../../src/protocol/messages';
import { type Outcome, Subscription } from '../../src/protocol/subscription';

const VECTORS = '../tests/vectors/subscription';

interface Step {
  send?: Subscribe;
  in?: [message: string, ...args: unknown[]];
  out?: object[];
  position?: Position | null;
}

interface Vector {
  name: string;
  subscribe: Subscribe;
  steps: Step[];
}

function handOver(
  subscription: Subscription,
  [message, ...args]: [string, ...unknown[]],
): Outcome[] {
  switch (message) {
    case 'answer':
      return subscription.answered(readSubscribed(args[0]));
    case '$reset':
      return subscription.reset(readReset(args));
    case '$gap':
      return subscription.gap(readGap(args));
    case '$batch':
      return subscription.batch(readBatch([args[0], ...args.slice(1).map(() => new Uint8Array())]));
    default:
      assert.equal(message, 'disconnect');
      subscription.disconnected();
      return [];
  }
}

/** An outcome as the vectors write it. */
function written(outcome: Outcome): object {
  switch (outcome.kind) {
    case 'rows': {
      const { payload, start, end, skip, fresh } = outcome;
      return { payload, rows: [start, end], skip, fresh };
    }
    case 'gap':
      return { gap: [outcome.start, outcome.end, outcome.why] };
    case 'begun':
      return { reset: outcome.epoch, recovered: outcome.recovered };
    case 'ask':
      return { subscribe: 'again' };
  }
}

const files = readdirSync(VECTORS).filter(name => name.endsWith('.json'));

test('there are vectors', () => {
  assert.ok(files.length >= 25, `found ${files.length}`);
});

for (const file of files) {
  const vector = JSON.parse(readFileSync(`${VECTORS}/${file}`, 'utf8')) as Vector;
  test(vector.name, () => {
    const subscription = new Subscription(vector.subscribe);
    for (const [number, step] of vector.steps.entries()) {
      const where = `step ${number}`;
      if (step.send) assert.deepEqual(subscription.request(), step.send, where);
      if (step.in) {
        assert.deepEqual(handOver(subscription, step.in).map(written), step.out, where);
      }
      if (step.position !== undefined)
        assert.deepEqual(subscription.position, step.position, where);
    }
  });
}
