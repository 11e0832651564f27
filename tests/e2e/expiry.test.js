// Grants that end while the client follows: it fetches new ones, and the stream goes on.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Follower } from './support/follower.js';
import { pause } from './support/program.js';
import { rowsOf } from './support/schema.js';
import { now_s } from './support/tokens.js';
import { withGateway } from './support/world.js';

const TTL_S = 3;
const EXPIRIES = 3;

let database, gateway;
withGateway(1000, { ttl_s: TTL_S }, (world) => ({ database, gateway } = world));

// One small transaction after the other until told to stop, with ids from `first` on.
async function writeUntil(done, first) {
  const session = await database.session();
  for (let id = first; !done(); id++) {
    await session.query(`INSERT INTO items (id, org_id, title) VALUES ($1, 1, 'org1 while tokens end')`, [id]);
    await session.query(`UPDATE items SET title = title || '.' WHERE id IN ($1, $2)`, [id - 3, id % 1000]);
    if (id % 3 === 0) await session.query('DELETE FROM items WHERE id = $1', [id - 10]);
    await pause(5);
  }
  await session.close();
}

async function followWithNewGrants(options) {
  const config = await gateway.grant({ org_id: 1 });
  return new Follower({
    ...config,
    ...options,
    onError: async (error) => {
      if (error.status !== 401) return undefined;
      const { headers } = await gateway.grant({ org_id: 1 });
      return { headers };
    },
  });
}

test('nothing is lost or repeated across several grants', async () => {
  const followers = [await followWithNewGrants({}), await followWithNewGrants({ liveSse: true })];
  for (const follower of followers) await follower.upToDate();
  const deadline = Date.now() + 60_000;
  const done = () => Date.now() > deadline || followers.every(({ errors }) => errors.length >= EXPIRIES);
  // Two writers: one's commit often begins where the other's ended.
  await Promise.all([writeUntil(done, 100_000), writeUntil(done, 200_000)]);
  for (const follower of followers) {
    await follower.equals(await rowsOf(database, 1));
    follower.stop();
    assert.ok(follower.errors.length >= EXPIRIES, `${follower.errors.length} grants ended`);
    for (const error of follower.errors) {
      assert.equal(error.status, 401);
      assert.equal(error.json.error, 'token_expired');
    }
    follower.assertClean();
    assert.equal(follower.refetches, 0);
  }
  // A client that has seen three streams end at once asks for no more of them.
  assert.equal(followers[1].requests.at(-1).url.searchParams.get('live_sse'), 'true');
});

test('a stream of a quiet shape goes on after its grant, though other rows were written', async () => {
  const follower = await followWithNewGrants({ liveSse: true });
  await follower.upToDate();
  await database.query(`UPDATE items SET title = 'org1 once' WHERE id = 1`);
  await follower.equals(await rowsOf(database, 1));
  await database.query(`UPDATE items SET title = 'org2 later' WHERE org_id = 2`);
  const streams = follower.liveAnswers('text/event-stream').length;
  await follower.until('its grant ended', () => follower.errors.length > 0);
  await follower.until('it follows again', () => follower.liveAnswers('text/event-stream').length > streams);
  await database.query(`UPDATE items SET title = 'org1 after that' WHERE id = 1`);
  await follower.equals(await rowsOf(database, 1));
  assert.ok(follower.errors.every(({ status }) => status === 401));
  follower.assertClean();
  follower.stop();
});

// A place at the end of the shape's log, to wait there.
async function atTheEnd(headers, params) {
  const query = new URLSearchParams({ table: params.table, where: params.where, 'params[1]': params.params['1'], offset: 'now' });
  const response = await fetch(`${gateway.url}/v1/shape?${query}`, { headers });
  assert.equal(response.status, 200);
  await response.arrayBuffer();
  query.set('offset', response.headers.get('electric-offset'));
  query.set('handle', response.headers.get('electric-handle'));
  query.set('live', 'true');
  return query;
}

// Both wait for nothing else, so they wait together.
describe('what is held when its grant ends', { concurrency: true }, () => {
  test('a held poll is answered 401 when its grant ends', async () => {
    const { headers, params, expires_at } = await gateway.grant({ org_id: 1 });
    const query = await atTheEnd(headers, params);
    const response = await fetch(`${gateway.url}/v1/shape?${query}`, { headers });
    const ended_s = Date.now() / 1000;
    assert.equal(response.status, 401);
    assert.match(response.headers.get('www-authenticate'), /^Bearer error="invalid_token"/);
    assert.equal((await response.json()).error, 'token_expired');
    // Long before a poll is answered by itself, after 20 s.
    assert.ok(ended_s >= expires_at && ended_s < expires_at + 8, `${ended_s - expires_at} s after the end`);
  });

  test('an event stream is closed when its grant ends', async () => {
    const { headers, params, expires_at } = await gateway.grant({ org_id: 1 });
    const query = await atTheEnd(headers, params);
    query.set('live_sse', 'true');
    const response = await fetch(`${gateway.url}/v1/shape?${query}`, { headers });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    await response.text();
    const ended_s = Date.now() / 1000;
    assert.ok(ended_s >= expires_at && ended_s < expires_at + 8, `${ended_s - expires_at} s after the end`);
  });
});

test('a grant ends no later than the identity token it was asked with', async () => {
  const short = gateway.identity({ org_id: 1 }, 1);
  const response = await gateway.askGatekeeper('items', { token: short });
  const { expires_at } = await response.json();
  assert.ok(expires_at <= now_s() + 1);
});
