// `sluice origin` whose slot the database gives up (max_slot_wal_keep_size) while it is not looking: whoever had something
// fetches it again.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cluster } from './support/cluster.js';
import { againWhereCutOff, Follower } from './support/follower.js';
import { BareOrigin } from './support/gateway.js';
import { ask, positionOf, readAll } from './support/shape_api.js';

const SCHEMA = `
CREATE TABLE items (id int PRIMARY KEY, title text);
INSERT INTO items SELECT i, 'title ' || i FROM generate_series(1, 100) i;
`;
const DEFINITIONS = [{ table: 'items' }, { table: 'items', where: 'id % 2 = 0' }, { table: 'items', columns: 'id' }];
const SEGMENTS = 6; // of 16 MB, most of it never written; beside the limit the database keeps two

let cluster;
before(async () => {
  cluster = await Cluster.start();
  const admin = await cluster.createDatabase('');
  await admin.query(`ALTER SYSTEM SET max_slot_wal_keep_size = '16MB'`);
  await admin.query('SELECT pg_reload_conf()');
  await admin.close();
});
after(() => cluster?.stop());

// Rows come, change and go, and the slot's place in the database's log goes with it.
async function loseSlot(database) {
  await database.query(`INSERT INTO items SELECT i, 'unseen' FROM generate_series(1001, 1100) i`);
  await database.query(`UPDATE items SET title = 'changed unseen' WHERE id <= 20`);
  await database.query('DELETE FROM items WHERE id BETWEEN 21 AND 40');
  for (let i = 0; i < SEGMENTS; ++i) {
    await database.query(`SELECT pg_logical_emit_message(false, 'e2e', 'so that there is something to switch from')`);
    await database.query('SELECT pg_switch_wal()');
  }
  await database.query('CHECKPOINT');
  const [{ wal_status }] = await database.query('SELECT wal_status FROM pg_replication_slots WHERE slot_name = $1', [database.name]);
  assert.equal(wal_status, 'lost');
}

const healthOf = async (origin) => (await ask(origin, '', { path: '/v1/health' })).json.status;

// What ends the origin's attention, and what brings it back.
const WAYS = {
  'while it is dead': [(origin) => origin.kill(), (origin) => origin.launch()],
  'while it sleeps': [(origin) => origin.program.signal('SIGSTOP'), (origin) => origin.program.signal('SIGCONT')],
};

for (const [when, [leave, comeBack]] of Object.entries(WAYS))
  test(`a slot that is lost ${when}: 409 and a new handle for everyone, and nothing old after that`, async () => {
    const database = await cluster.createDatabase(SCHEMA);
    const origin = await BareOrigin.start(database, { args: ['--long-poll-timeout', '2'] });
    const follower = new Follower({ url: `${origin.url}/v1/shape`, params: { table: 'items' }, onError: againWhereCutOff });
    await follower.upToDate();
    const positions = [];
    for (const definition of DEFINITIONS) positions.push(positionOf((await readAll(origin, definition)).at(-1).answer));

    await leave(origin);
    await loseSlot(database);
    await comeBack(origin);
    await origin.program.until('has begun anew', async () => {
      const answer = await ask(origin, { ...DEFINITIONS[0], ...positions[0] });
      return answer.status === 409;
    });
    await origin.program.until('is active', async () => (await healthOf(origin)) === 'active');

    for (const [i, definition] of DEFINITIONS.entries()) {
      for (const live of [{}, { live: true }]) {
        const refused = await ask(origin, { ...definition, ...positions[i], ...live });
        assert.equal(refused.status, 409, refused.text);
        assert.deepEqual(refused.json, [{ headers: { control: 'must-refetch' } }]);
        assert.ok(refused.headers['electric-handle']);
        assert.notEqual(refused.headers['electric-handle'], positions[i].handle);
      }
      const rows = (await readAll(origin, definition)).flatMap(({ answer }) => answer.json.filter(({ value }) => value));
      const where = definition.where ? `WHERE ${definition.where}` : '';
      const expected = await database.query(`SELECT ${definition.columns ?? 'id, title'} FROM items ${where} ORDER BY id`);
      const plain = rows.map(({ value }) => ({ ...value, id: Number(value.id) })).sort((a, b) => a.id - b.id);
      assert.deepEqual(plain, expected.map((row) => ({ ...row })));
    }
    await database.query(`INSERT INTO items VALUES (2000, 'seen again')`);
    await follower.equals(await database.query('SELECT * FROM items ORDER BY id'));
    follower.assertClean();
    assert.equal(follower.refetches, 1);
    assert.deepEqual(follower.complaints, []);
    follower.stop();
    await origin.stop();
    await database.close();
  });
