// The gateway with its embedded origin dies at once, and comes back.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cluster } from './support/cluster.js';
import { againWhereCutOff, Follower } from './support/follower.js';
import { embedded, Gateway } from './support/gateway.js';
import { rowsOf, SCHEMA, seed } from './support/schema.js';

let cluster;
before(async () => {
  cluster = await Cluster.start();
});
after(() => cluster?.stop());

test('clients go on after a kill, and end with what the database has', async () => {
  const database = await cluster.createDatabase(SCHEMA);
  await seed(database, 2000);
  const gateway = await Gateway.start({ origin: embedded(database) });
  const config = await gateway.grant({ org_id: 1 });
  const followers = [{}, { liveSse: true }].map((way) => new Follower({ ...config, ...way, onError: againWhereCutOff }));
  for (const follower of followers) await follower.upToDate();

  for (let round = 1; round <= 2; round++) {
    await database.query(`UPDATE items SET title = title || ' before' WHERE id < 100`);
    await gateway.kill();
    await database.query(`UPDATE items SET title = title || ' meanwhile' WHERE id BETWEEN 50 AND 150`);
    await database.query('DELETE FROM items WHERE id BETWEEN $1::int * 200 AND $1::int * 200 + 20', [round]);
    await gateway.launch();
    await database.query(`INSERT INTO items (id, org_id, title) VALUES ($1, 1, 'org1 after')`, [90_000 + round]);
    for (const follower of followers) await follower.equals(await rowsOf(database, 1));
  }
  for (const follower of followers) {
    follower.assertClean();
    assert.deepEqual(follower.complaints, []);
    follower.stop();
  }
  await gateway.stop();
  await database.close();
});
