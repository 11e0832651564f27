// Rows of one organisation never reach another, however they are written.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Follower } from './support/follower.js';
import { rowsOf } from './support/schema.js';
import { withGateway } from './support/world.js';

let database, gateway;
withGateway(500, {}, (world) => ({ database, gateway } = world));

// Rows go from one organisation to the other and back, by single updates and many at once. A row's texts always begin with
// the name of the organisation that owns it.
async function moveRows() {
  const move = (from, to, condition) =>
    database.query(`UPDATE items SET org_id = $2, title = 'org' || $2::int || ' taken over ' || id,
                    note = 'org' || $2::int || ' note' WHERE org_id = $1 AND ${condition}`, [from, to]);
  for (let id = 1; id <= 20; id++) await move(1, 2, `id = ${id}`);
  await move(2, 1, 'id BETWEEN 1 AND 10');
  await move(2, 1, 'id BETWEEN 501 AND 520');
  await move(1, 2, 'id BETWEEN 100 AND 200');
  await database.query(`UPDATE items SET title = 'org' || org_id || ' renamed ' || id WHERE id % 2 = 0`);
  await database.query('UPDATE items SET id = id + 5000, org_id = 2, title = \'org2 new key\', note = NULL WHERE id BETWEEN 300 AND 310');
  await database.query('DELETE FROM items WHERE id BETWEEN 150 AND 160');
  await database.query(`INSERT INTO items (id, org_id, title) SELECT i, 1 + i % 2, 'org' || 1 + i % 2 || ' late' FROM generate_series(9001, 9100) i`);
}

test('while rows change hands', async () => {
  const named = (org, name) => ({
    url: `${gateway.url}/v1/shapes/${name}`,
    headers: { Authorization: `Bearer ${gateway.identity({ org_id: org })}` },
  });
  const followers = [];
  for (const org of [1, 2]) {
    followers.push({ org, follower: new Follower(await gateway.grant({ org_id: org })) });
    followers.push({ org, follower: new Follower({ ...(await gateway.grant({ org_id: org })), liveSse: true }) });
    followers.push({ org, follower: new Follower(named(org, 'items')) });
    followers.push({ org, follower: new Follower(named(org, 'items_full')) });
  }
  for (const { follower } of followers) await follower.upToDate();
  await moveRows();
  for (const { org, follower } of followers) {
    await follower.equals(await rowsOf(database, org));
    follower.assertClean();
    assert.ok(follower.operations.delete > 0 && follower.operations.insert > 0);
    assert.doesNotMatch(follower.text, new RegExp(`org${3 - org}`), `what organisation ${org} was told`);
    follower.stop();
  }
});

test('the same URL answers each caller with its own rows', async () => {
  for (const org of [1, 2, 1]) {
    const response = await fetch(`${gateway.url}/v1/shapes/items?offset=-1`, {
      headers: { authorization: `Bearer ${gateway.identity({ org_id: org })}` },
    });
    assert.equal(response.status, 200);
    const organisations = new Set((await response.json()).filter(({ value }) => value).map(({ value }) => value.org_id));
    assert.deepEqual([...organisations], [String(org)]);
  }
});

test("a handle learnt elsewhere gives nobody another's rows (E12)", async () => {
  const ask = (org, query) =>
    fetch(`${gateway.url}/v1/shapes/items?${query}`, { headers: { authorization: `Bearer ${gateway.identity({ org_id: org })}` } });
  const theirs = await ask(2, 'offset=-1');
  await theirs.arrayBuffer();
  const handle = theirs.headers.get('electric-handle');
  const answer = await ask(1, `offset=0_0&handle=${handle}`);
  assert.equal(answer.status, 409);
  assert.notEqual(answer.headers.get('electric-handle'), handle);
  assert.doesNotMatch(await answer.text(), /org2/);
});

test('a caller without the claim that fills the shape is refused', async () => {
  const before = await gateway.originRequests();
  const headers = { authorization: `Bearer ${gateway.identity({ org_id: undefined, sub: 'nobody' })}` };
  assert.equal((await fetch(`${gateway.url}/v1/shapes/items?offset=-1`, { headers })).status, 403);
  assert.equal((await fetch(`${gateway.url}/gatekeeper/items`, { method: 'POST', headers })).status, 403);
  assert.equal(await gateway.originRequests(), before);
});
