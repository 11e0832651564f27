// The published client syncs ten thousand rows and every sort of change after them, by each way in.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cluster } from './support/cluster.js';
import { Follower } from './support/follower.js';
import { BareOrigin, embedded, Gateway, newSecret, remote } from './support/gateway.js';
import { freePort } from './support/program.js';
import { rowsOf, SCHEMA, seed, writeAllSorts } from './support/schema.js';

const ROWS = 10_000;
const CHUNK_BYTES = 200_000; // so that the first sync takes several

let cluster;
before(async () => {
  cluster = await Cluster.start();
});
after(() => cluster?.stop());

async function seededDatabase() {
  const database = await cluster.createDatabase(SCHEMA);
  await seed(database, ROWS);
  return database;
}

// One follower by long poll and one by events, through the initial rows and what is written after them.
async function syncsEverything(database, options) {
  const followers = { poll: new Follower(options), events: new Follower({ ...options, liveSse: true }) };
  try {
    for (const follower of Object.values(followers)) {
      await follower.upToDate();
      assert.equal(follower.operations.insert, ROWS);
      await follower.equals(await rowsOf(database, 1));
    }
    await writeAllSorts(database);
    for (const follower of Object.values(followers)) {
      await follower.equals(await rowsOf(database, 1));
      follower.assertClean();
      assert.equal(follower.refetches, 0);
      assert.deepEqual(follower.errors, []);
    }
    assert.ok(followers.poll.liveAnswers('application/json').length > 0, 'changes came by long poll');
    assert.ok(followers.events.liveAnswers('text/event-stream').length > 0, 'changes came as events');
  } finally {
    for (const follower of Object.values(followers)) follower.stop();
  }
}

test('through the gatekeeper, its answer spread as it is', async () => {
  const database = await seededDatabase();
  const gateway = await Gateway.start({ origin: embedded(database, { chunk_bytes: CHUNK_BYTES }) });
  const config = await gateway.grant({ org_id: 1 });
  assert.equal(config.url, `${gateway.url}/v1/shape`);
  await syncsEverything(database, { ...config });
  await gateway.stop();
  await database.close();
});

test('through the path of the gatekeeper guide, /proxy/v1/shape', async () => {
  const database = await cluster.createDatabase(SCHEMA);
  await seed(database, 100);
  const gateway = await Gateway.start({ origin: embedded(database) });
  const config = await gateway.grant({ org_id: 1 });
  const follower = new Follower({ ...config, url: `${gateway.url}/proxy/v1/shape` });
  await follower.equals(await rowsOf(database, 1));
  await database.query(`UPDATE items SET title = 'org1 seen live' WHERE id = 1`);
  await follower.equals(await rowsOf(database, 1));
  follower.assertClean();
  follower.stop();
  await gateway.stop();
  await database.close();
});

test('through a named shape, with an identity token', async () => {
  const database = await seededDatabase();
  const gateway = await Gateway.start({ origin: embedded(database, { chunk_bytes: CHUNK_BYTES }) });
  const headers = { Authorization: `Bearer ${gateway.identity({ org_id: 1 })}` };
  await syncsEverything(database, { url: `${gateway.url}/v1/shapes/items`, headers });
  await gateway.stop();
  await database.close();
});

test('from a remote origin', async () => {
  const database = await seededDatabase();
  const secret = newSecret();
  const origin = await BareOrigin.start(database, { secret, port: await freePort() });
  const gateway = await Gateway.start({ origin: remote(origin.url, secret) });
  await syncsEverything(database, await gateway.grant({ org_id: 1 }));
  await gateway.stop();
  await origin.stop();
  await database.close();
});

test('columns asked for of the gatekeeper are the columns that arrive', async () => {
  const database = await cluster.createDatabase(SCHEMA);
  await seed(database, 100);
  const gateway = await Gateway.start({ origin: embedded(database) });
  const config = await gateway.grant({ org_id: 1 }, 'items', { columns: ['id', 'title'] });
  const follower = new Follower(config);
  const expected = () => database.query('SELECT id, title FROM items WHERE org_id = 1 ORDER BY id');
  await follower.equals(await expected());
  await database.query(`UPDATE items SET title = 'org1 new', note = 'org1 unseen' WHERE id < 10`);
  await follower.equals(await expected());
  assert.doesNotMatch(follower.text, /unseen|reference/);
  follower.assertClean();
  follower.stop();
  await gateway.stop();
  await database.close();
});
