// The published client on `sluice origin` itself, without a gateway: every way of following, each ending with what SELECT says.
import { isChangeMessage } from '@electric-sql/client';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cluster } from './support/cluster.js';
import { Follower } from './support/follower.js';
import { BareOrigin } from './support/gateway.js';
import { pause } from './support/program.js';
import { rowsOf, SCHEMA, seed, writeAllSorts } from './support/schema.js';

const ROWS = 3000;
const CHUNK_BYTES = 100_000; // so that the first sync takes several
const MANY = 200;

let cluster;
before(async () => {
  cluster = await Cluster.start();
});
after(() => cluster?.stop());

// A database with rows of two organisations, an origin on it, and `work`.
function onOrigin(name, work, { rows = ROWS, args = [] } = {}) {
  test(name, async () => {
    const database = await cluster.createDatabase(SCHEMA);
    await seed(database, rows);
    const origin = await BareOrigin.start(database, { args: ['--chunk-bytes', String(CHUNK_BYTES), ...args] });
    const follow = (params = {}, more = {}) =>
      new Follower({ url: `${origin.url}/v1/shape`, params: { table: 'items', where: 'org_id = 1', ...params }, ...more });
    try {
      await work({ database, origin, follow });
    } finally {
      await origin.stop();
      await database.close();
    }
  });
}

function assertUneventful(follower) {
  follower.assertClean();
  assert.equal(follower.refetches, 0);
  assert.deepEqual(follower.errors, []);
}

const WAYS = { 'long poll': [{}, 'application/json'], events: [{ liveSse: true }, 'text/event-stream'] };
for (const [way, [options, type]] of Object.entries(WAYS)) {
  onOrigin(`the first rows, then every sort of change, by ${way}`, async ({ database, follow }) => {
    const follower = follow({}, options);
    await follower.upToDate();
    assert.equal(follower.operations.insert, ROWS);
    assert.ok(follower.requests.length > 3, 'several chunks');
    await writeAllSorts(database);
    await follower.equals(await rowsOf(database, 1));
    assertUneventful(follower);
    assert.ok(follower.liveAnswers(type).length > 0);
    follower.stop();
  });

  onOrigin(`from a position that was kept, by ${way}`, async ({ database, follow }) => {
    const first = follow({}, options);
    await first.upToDate();
    await database.query(`UPDATE items SET title = 'org1 seen by the first' WHERE id = 1`);
    await first.until('the change is there', () => first.rows[0].title === 'org1 seen by the first');
    const { lastOffset: offset, shapeHandle: handle } = first.stream;
    first.stop();
    await database.query(`UPDATE items SET title = 'org1 while away' WHERE id = 2`);
    const second = follow({}, { ...options, offset, handle });
    const titles = [];
    second.stream.subscribe((messages) => titles.push(...messages.filter(isChangeMessage).map(({ value }) => value.title)));
    await database.query(`UPDATE items SET title = 'org1 live again' WHERE id = 3`);
    await second.until('both are told', () => titles.length >= 2);
    assert.deepEqual(titles, ['org1 while away', 'org1 live again'], 'nothing twice, nothing left out');
    assert.ok(second.requests.every(({ url }) => url.searchParams.get('offset') !== '-1'));
    second.stop();
  });

  // A client fails at a NULL in a column of which it was told that there is none.
  onOrigin(`NOT NULL dropped, by ${way}`, async ({ database, follow }) => {
    const follower = follow({}, options);
    await follower.upToDate();
    await database.query('ALTER TABLE items ALTER COLUMN title DROP NOT NULL');
    await database.query('UPDATE items SET title = NULL WHERE id = 1');
    await follower.until('the NULL is there', () => follower.rows[0]?.title === null);
    assert.equal(follower.refetches, 1);
    assert.deepEqual(follower.errors, []);
    follower.stop();
  });

  onOrigin(`must-refetch, by ${way}`, async ({ database, follow }) => {
    const follower = follow({}, options);
    await follower.equals(await rowsOf(database, 1));
    await database.query('TRUNCATE items');
    await follower.equals([]);
    assert.ok(follower.refetches >= 1);
    await seed(database, 50);
    await follower.equals(await rowsOf(database, 1));
    await database.query('ALTER TABLE items ADD COLUMN extra int DEFAULT 7');
    await database.query(`INSERT INTO items (id, org_id, title) VALUES (9001, 1, 'org1 with more')`);
    await follower.equals(await rowsOf(database, 1));
    assert.deepEqual(follower.errors, []);
    follower.stop();
  });

  onOrigin(
    `replica=full, by ${way}`,
    async ({ database, follow }) => {
      const follower = follow({ replica: 'full' }, options);
      const updates = [];
      follower.stream.subscribe((messages) => updates.push(...messages.filter(({ headers }) => headers.operation === 'update')));
      await follower.upToDate();
      await writeAllSorts(database);
      await follower.equals(await rowsOf(database, 1));
      assertUneventful(follower);
      assert.ok(updates.length > 0);
      for (const { value, old_value: old } of updates) {
        assert.deepEqual(Object.keys(value).sort(), ['created_at', 'done', 'id', 'note', 'org_id', 'price', 'reference', 'title']);
        for (const name of Object.keys(old ?? {})) assert.notDeepEqual(old[name], value[name], name);
      }
      follower.stop();
    },
    { rows: 2000 },
  );
}

for (const method of ['GET', 'POST']) {
  onOrigin(`changes_only, with parts of the shape asked for by ${method}`, async ({ database, follow }) => {
    const follower = follow({}, { log: 'changes_only', offset: 'now', subsetMethod: method });
    const wanted = () => database.query('SELECT * FROM items WHERE org_id = 1 AND (id <= 20 OR id BETWEEN 101 AND 110) ORDER BY id');
    // Writers do not wait for snapshots: what is in one is not told again, what is not is told after it.
    let writing = true;
    const writer = (async () => {
      for (let i = 0; writing; i++) {
        await database.query('UPDATE items SET title = $1 WHERE id IN ($2::int, 100 + $2::int)', [`org1 write ${i}`, 1 + (i % 10)]);
      }
    })();
    for (let i = 0; i < 4; i++) {
      await pause(150); // the client takes five in half a second for a loop of its own
      await follower.stream.requestSnapshot({ where: 'id <= $1', params: { 1: '20' }, orderBy: 'id', limit: 5, offset: 5 * i });
    }
    await follower.stream.requestSnapshot({ where: 'id BETWEEN 101 AND 110' });
    writing = false;
    await writer;
    await follower.equals(await wanted());
    await database.query(`UPDATE items SET title = 'org1 after all' WHERE id = 5`);
    await database.query('DELETE FROM items WHERE id = 6');
    await follower.equals(await wanted());
    assert.equal(follower.refetches, 0);
    assert.deepEqual(follower.errors, []);
    follower.stop();
  });
}

onOrigin('a part that is asked for alone', async ({ database, follow }) => {
  const follower = follow({}, { log: 'changes_only' });
  const { data, metadata } = await follower.stream.fetchSnapshot({ where: "title LIKE 'org1 item 1%'", orderBy: 'id DESC', limit: 10 });
  const expected = await database.query(`SELECT * FROM items WHERE org_id = 1 AND title LIKE 'org1 item 1%' ORDER BY id DESC LIMIT 10`);
  assert.deepEqual(
    data.map(({ value }) => ({ ...value })),
    expected.map((row) => ({ ...row })),
  );
  assert.ok(metadata.xmin && metadata.xmax);
  follower.stop();
});

onOrigin(
  'many shapes at once, while all is written to',
  async ({ database, follow }) => {
    await database.query(
      `INSERT INTO items (id, org_id, title) SELECT 100000 + i, 10 + i % $1::int, 'org row ' || i FROM generate_series(1, 5 * $1::int) i`,
      [MANY],
    );
    const followers = Array.from({ length: MANY }, (_, i) => ({
      org: 10 + i,
      follower: follow({ where: 'org_id = $1', params: { 1: String(10 + i) } }, i % 2 ? { liveSse: true } : {}),
    }));
    for (let i = 0; i < 40; i++) {
      await database.query(
        'UPDATE items SET org_id = 10 + (org_id - 9) % $1::int, title = title || $2 WHERE id > 100000 AND id % 40 = $3',
        [MANY, '.', i],
      );
    }
    for (const { org, follower } of followers) {
      await follower.equals(await rowsOf(database, org));
      assertUneventful(follower);
      follower.stop();
    }
  },
  { rows: 100 },
);

onOrigin(
  'many clients of one shape that nobody has asked for before',
  async ({ database, follow }) => {
    const followers = Array.from({ length: 50 }, () => follow());
    await database.query(`UPDATE items SET title = title || ' meanwhile' WHERE id % 7 = 0`);
    const expected = await rowsOf(database, 1);
    for (const follower of followers) await follower.equals(expected);
    assert.equal(new Set(followers.map(({ stream }) => stream.shapeHandle)).size, 1);
    for (const follower of followers) {
      assertUneventful(follower);
      follower.stop();
    }
  },
  { rows: 500 },
);

onOrigin(
  'columns, and params',
  async ({ database, follow }) => {
    const follower = follow({ columns: ['id', 'title'], where: 'org_id = $1 AND title LIKE $2', params: ['1', 'org1 item 1%'] });
    const expected = () => database.query(`SELECT id, title FROM items WHERE org_id = 1 AND title LIKE 'org1 item 1%' ORDER BY id`);
    await follower.equals(await expected());
    await database.query(`UPDATE items SET title = 'org1 item 1, renamed', note = 'org1 unseen' WHERE id < 10`);
    await database.query(`UPDATE items SET title = 'org1 no more' WHERE id BETWEEN 10 AND 15`);
    await follower.equals(await expected());
    assert.doesNotMatch(follower.text, /unseen/);
    assertUneventful(follower);
    follower.stop();
  },
  { rows: 200 },
);

onOrigin('rows that come while the first ones are read', async ({ database, follow }) => {
  let writing = true;
  const writer = (async () => {
    for (let i = 0; writing; i++) {
      await database.query(`INSERT INTO items (id, org_id, title) VALUES (500000 + $1::int, 1, 'org1 new')`, [i]);
      await database.query(`UPDATE items SET title = 'org1 written ' || $1::int WHERE id = 1 + $1::int % 1000`, [i]);
      if (i % 3 === 0) await database.query('DELETE FROM items WHERE id = 1001 + $1::int', [i]);
    }
  })();
  const followers = [];
  for (let i = 0; i < 8; i++) {
    // Each a shape of its own, so that each has a snapshot of its own.
    followers.push(follow({ where: `org_id = 1 AND id > ${-i}` }, i % 2 ? { liveSse: true } : {}));
    await pause(100);
  }
  writing = false;
  await writer;
  for (const follower of followers) {
    await follower.equals(await rowsOf(database, 1));
    assertUneventful(follower);
    follower.stop();
  }
});
