// SpiceDB's real engine decides: when a grant is minted, and on each request of a named shape.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Follower } from './support/follower.js';
import { embedded, Gateway } from './support/gateway.js';
import { rowsOf } from './support/schema.js';
import { newSecret } from './support/secrets.js';
import { SpiceDb } from './support/spicedb.js';
import { withRows } from './support/world.js';

const PERMISSIONS = 'definition user {}\ndefinition org {\n  relation member: user\n}';

let database;
withRows(100, (world) => ({ database } = world));

// A gateway before a SpiceDB where alice is a member of organisation 1 and bob of 2.
async function start() {
  const token = newSecret();
  const relationships = ['org:1#member@user:alice', 'org:2#member@user:bob'];
  const spicedb = await SpiceDb.start({ schema: PERMISSIONS, relationships, token });
  const session = await database.session();
  session.name = `${database.name}_${spicedb.endpoint.split(':')[1]}`; // a slot of its own
  const gateway = await Gateway.start({
    origin: embedded(session),
    env: { SPICEDB_TOKEN: token },
    rules: `
[[authorizer]]
name = "spice"
kind = "spicedb"
endpoint = "${spicedb.endpoint}"
token_env = "SPICEDB_TOKEN"
tls = false

[[authorizer.rule]]
table = "items"
where = "org_id = $1"
params = ["{params.1}"]
check = "org:{params.1}#member@user:{sub}"
consistency = "fully_consistent"

[[shape]]
name = "items"
table = "items"
where = "org_id = $1"
params = ["{query.org}"]
authorize = ["spice"]
`,
  });
  const stop = async () => {
    await gateway.stop();
    await session.close();
    await spicedb.stop();
  };
  return { spicedb, gateway, stop };
}

const bearer = (gateway, sub) => ({ Authorization: `Bearer ${gateway.identity({ sub })}` });

async function answer(response) {
  const text = await response.text();
  if (response.status !== 200) assert.doesNotMatch(text, /item \d/);
  return response.status;
}

const named = async (gateway, sub, org) =>
  answer(await fetch(`${gateway.url}/v1/shapes/items?org=${org}&offset=-1`, { headers: bearer(gateway, sub) }));

const granted = (gateway, sub, org) =>
  gateway.askGatekeeper('items', { token: gateway.identity({ sub }), definition: { where: 'org_id = $1', params: { 1: org } } });

const minted = async (gateway, sub, org) => answer(await granted(gateway, sub, org));

test('a member is let in, by grant and by name, and nobody else', async () => {
  const { spicedb, gateway, stop } = await start();
  for (const ask of [minted, named]) {
    assert.equal(await ask(gateway, 'alice', '1'), 200);
    assert.equal(await ask(gateway, 'bob', '2'), 200);
    assert.equal(await ask(gateway, 'alice', '2'), 403);
    assert.equal(await ask(gateway, 'nobody', '1'), 403);
    assert.equal(await ask(gateway, 'alice', '3'), 403, 'an organisation that SpiceDB does not know');
  }
  for (const sub of ['alice smith', 'alice@example.com', 'alice#member', '*', 'user:alice', ''])
    assert.ok([401, 403].includes(await named(gateway, sub, '1')), sub);
  for (const org of ['1#member', '1@user:alice', 'org:1', '*', ' 1', '1 ', '', '1\n'])
    assert.ok([400, 403].includes(await named(gateway, 'alice', encodeURIComponent(org))), JSON.stringify(org));
  assert.equal((await spicedb.tell({ seen: true })).last.permission, 'member');
  await stop();
});

test('the shape that was checked is the shape that is read', async () => {
  const { gateway, stop } = await start();
  const follower = new Follower({ url: `${gateway.url}/v1/shapes/items`, params: { org: '2' }, headers: bearer(gateway, 'bob') });
  await follower.equals(await rowsOf(database, 2));
  follower.stop();
  const response = await granted(gateway, 'alice', '1');
  const another = new Follower(await response.json());
  await another.equals(await rowsOf(database, 1));
  another.stop();
  await stop();
});

test('a relationship that is taken away counts from the next request on', async () => {
  const { spicedb, gateway, stop } = await start();
  for (const ask of [minted, named]) {
    assert.equal(await ask(gateway, 'alice', '1'), 200);
    await spicedb.delete('org:1#member@user:alice');
    assert.equal(await ask(gateway, 'alice', '1'), 403);
    await spicedb.write('org:1#member@user:alice');
    assert.equal(await ask(gateway, 'alice', '1'), 200);
  }
  await stop();
});

test('a stream that follows a named shape ends with the membership', async () => {
  const { spicedb, gateway, stop } = await start();
  const follower = new Follower({ url: `${gateway.url}/v1/shapes/items`, params: { org: '1' }, headers: bearer(gateway, 'alice') });
  await follower.equals(await rowsOf(database, 1));
  await spicedb.delete('org:1#member@user:alice');
  // The request that is held was allowed; this change answers it, and the next request is not allowed.
  await database.query(`UPDATE items SET note = 'org1 while it was held' WHERE id = 1`);
  await assert.rejects(follower.until('the stream has ended', () => false, 30_000), (error) => error.status === 403);
  follower.stop();
  await stop();
});

test('a SpiceDB that has ended, or gives no answer, is 503 and never rows', async () => {
  const { spicedb, gateway, stop } = await start();
  for (const ask of [minted, named]) assert.equal(await ask(gateway, 'alice', '1'), 200);
  await spicedb.tell({ hold: true });
  assert.equal(await named(gateway, 'alice', '1'), 503);
  await spicedb.tell({ hold: false });
  assert.equal(await named(gateway, 'alice', '1'), 200);
  await spicedb.stop();
  for (const ask of [minted, named]) for (const org of ['1', '2']) assert.equal(await ask(gateway, 'alice', org), 503);
  await stop();
});
