// SIGTERM: nobody who waits is left without an answer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BareOrigin, embedded, Gateway, newSecret, remote } from './support/gateway.js';
import { freePort } from './support/program.js';
import { withRows } from './support/world.js';

const POLLS = 50;

let database;
withRows(100, (world) => ({ database } = world));

// Many who wait for changes at the end of the log, one of them for events.
async function hold(gateway) {
  const headers = { authorization: `Bearer ${gateway.identity({ org_id: 1 })}` };
  const start = await fetch(`${gateway.url}/v1/shapes/items?offset=now`, { headers });
  await start.arrayBuffer();
  const at = new URLSearchParams({ offset: start.headers.get('electric-offset'), handle: start.headers.get('electric-handle'), live: 'true' });
  const live = `${gateway.url}/v1/shapes/items?${at}`;
  const polls = Array.from({ length: POLLS }, () => fetch(live, { headers }));
  const events = await fetch(`${live}&live_sse=true`, { headers });
  await gateway.program.until('all are held', async () => (await gateway.metric('sluice_held_requests')) === POLLS + 1);
  return { polls, events };
}

test('with an embedded origin held polls are up to date, event streams end, and it exits with 0', async () => {
  const gateway = await Gateway.start({ origin: embedded(database) });
  const { polls, events } = await hold(gateway);
  gateway.program.signal('SIGTERM');
  for (const poll of polls) {
    const response = await poll;
    assert.equal(response.status, 200);
    const messages = await response.json();
    assert.equal(messages.at(-1).headers.control, 'up-to-date');
    assert.ok(response.headers.get('electric-cursor'));
  }
  await events.text();
  assert.deepEqual(await gateway.program.exited, { code: 0, signal: null });
});

test('with a remote origin held polls are told to come back, event streams end, and it exits with 0', async () => {
  const secret = newSecret();
  const origin = await BareOrigin.start(database, { secret, port: await freePort() });
  const gateway = await Gateway.start({ origin: remote(origin.url, secret) });
  const { polls, events } = await hold(gateway);
  gateway.program.signal('SIGTERM');
  for (const poll of polls) {
    const response = await poll;
    assert.equal(response.status, 503);
    assert.ok(Number(response.headers.get('retry-after')) > 0);
    await response.arrayBuffer();
  }
  await events.text();
  assert.deepEqual(await gateway.program.exited, { code: 0, signal: null });
  assert.deepEqual(await origin.stop(), { code: 0, signal: null });
});
