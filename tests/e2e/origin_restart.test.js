// `sluice origin` killed while clients follow and others write: they go on where they were.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pause } from './support/program.js';
import { ask, operations, positionOf } from './support/shape_api.js';
import { withOrigin } from './support/world.js';

const SCHEMA = `
CREATE TABLE items (id int PRIMARY KEY, org text, v int);
INSERT INTO items SELECT i, 'k' || i % 3, 0 FROM generate_series(1, 300) i;
`;
const DEFINITIONS = [{ table: 'items' }, { table: 'items', where: "org = 'k1'" }, { table: 'items', where: 'v > 2', replica: 'full' }];
const KILLS = Number(process.env.KILLS ?? 4);

let database, origin;
withOrigin(SCHEMA, {}, (world) => ({ database, origin } = world));

// A client that takes what it is told: each operation must make sense after those before it.
class Client {
  rows = new Map();
  position = { offset: '-1' };
  seen = 0n;

  constructor(definition) {
    this.definition = definition;
  }

  async read() {
    const answer = await ask(origin, { ...this.definition, ...this.position }).catch(() => undefined); // killed
    if (answer === undefined || answer.status === 503 || answer.json === undefined) return pause(20);
    assert.equal(answer.status, 200, answer.text);
    for (const { key, value, headers } of operations(answer.json)) {
      assert.equal(this.rows.has(key), headers.operation !== 'insert', `${headers.operation} of ${key}`);
      if (headers.operation === 'delete') this.rows.delete(key);
      else this.rows.set(key, { ...this.rows.get(key), ...value });
    }
    this.position = positionOf(answer);
    const control = answer.json.find(({ headers }) => headers.global_last_seen_lsn);
    if (control) this.seen = BigInt(control.headers.global_last_seen_lsn);
  }

  async readUntil(lsn) {
    while (this.seen + 1n < lsn) await this.read();
  }
}

async function writeUntil(stopped) {
  const session = await database.session();
  await session.query('SET synchronous_commit = on'); // what it wrote lies below pg_current_wal_lsn()
  for (let i = 0; !stopped(); ++i) {
    await session.query(`UPDATE items SET v = v + 1, org = 'k' || (id + ${i}) % 3 WHERE id % 17 = ${i % 17}`);
    await session.query(`INSERT INTO items VALUES (${1000 + i}, 'k1', ${i % 5})`);
    await session.query(`DELETE FROM items WHERE id = ${1000 + i - 20}`);
  }
  await session.close();
}

test('kill -9 loses nothing and doubles nothing, and nobody fetches again', async () => {
  const clients = DEFINITIONS.map((definition) => new Client(definition));
  for (const client of clients) await client.read();
  let stopped = false;
  const writing = writeUntil(() => stopped);
  for (let i = 0; i < KILLS; ++i) {
    await pause(100 + 50 * (i % 4));
    await Promise.all([origin.kill(), ...clients.map((client) => client.read())]);
    const launched = origin.launch();
    await Promise.all(clients.map((client) => client.read()));
    await launched;
  }
  stopped = true;
  await writing;
  const [{ end }] = await database.query("SELECT (pg_current_wal_lsn() - '0/0'::pg_lsn)::text AS end");
  for (const client of clients) {
    await client.readUntil(BigInt(end));
    const where = client.definition.where ? `WHERE ${client.definition.where}` : '';
    const rows = await database.query(`SELECT id::text, org, v::text FROM items ${where} ORDER BY id`);
    const mine = [...client.rows.values()].sort((a, b) => a.id - b.id).map(({ id, org, v }) => ({ id, org, v }));
    const texts = (list) => list.map((row) => JSON.stringify(row));
    const [have, want] = [new Set(texts(mine)), new Set(texts(rows))];
    assert.deepEqual([...want].filter((row) => !have.has(row)), [], 'missing');
    assert.deepEqual([...have].filter((row) => !want.has(row)), [], 'too much');
  }
});
