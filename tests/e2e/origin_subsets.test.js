// `sluice origin`: parts of a shape's rows, asked for once, by POST and by GET.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, operations, positionOf, readAll } from './support/shape_api.js';
import { withOrigin } from './support/world.js';

const SCHEMA = `
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE items (id int PRIMARY KEY, org text, title text, secret text, mood mood, "Order" int);
INSERT INTO items SELECT i, CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END, 'title ' || i, 's' || i, (ARRAY['sad','ok','happy'])[1 + i % 3]::mood, -i
  FROM generate_series(1, 20) i;
`;

let database, origin;
withOrigin(SCHEMA, { args: ['--long-poll-timeout', '1'] }, (world) => ({ database, origin } = world));

const MAIN = { table: 'items', where: "org = 'a'", log: 'changes_only' };

async function begin(definition = MAIN) {
  return positionOf((await readAll(origin, definition)).at(-1).answer);
}

async function post(body, definition = MAIN) {
  return ask(origin, { ...definition, ...(await begin(definition)) }, { method: 'POST', body });
}

async function get(subset, definition = MAIN) {
  const named = Object.fromEntries(
    Object.entries(subset).map(([name, value]) => [`subset__${name}`, name === 'params' ? JSON.stringify(value) : value]),
  );
  return ask(origin, { ...definition, ...(await begin(definition)), ...named });
}

const ids = (answer) => {
  assert.equal(answer.status, 200, answer.text);
  return answer.json.data.map(({ value }) => Number(value.id));
};

function assertRefused(answer, name) {
  assert.equal(answer.status, 400, answer.text);
  assert.match(answer.headers['cache-control'], /^no-(cache|store)$/);
  assert.ok(name in answer.json.errors.subset, answer.text);
}

for (const [name, subset] of [
  ['POST', post],
  ['GET', get],
]) {
  test(`${name}: the answer`, async () => {
    const { handle } = await begin();
    const answer = await subset({ order_by: 'id', limit: 2 });
    assert.deepEqual(ids(answer), [2, 4]);
    assert.deepEqual(Object.keys(answer.json.metadata).sort(), ['database_lsn', 'snapshot_mark', 'xip_list', 'xmax', 'xmin']);
    const { xmin, xmax, xip_list: running, database_lsn: lsn } = answer.json.metadata;
    for (const text of [xmin, xmax, lsn, ...running]) assert.match(text, /^\d+$/);
    assert.ok(BigInt(xmin) <= BigInt(xmax));
    for (const message of answer.json.data) {
      assert.equal(message.headers.operation, 'insert');
      assert.deepEqual(message.headers.relation, ['public', 'items']);
      assert.match(message.key, /^"public"\."items"\/"\d+"$/);
    }
    assert.equal(answer.headers['electric-snapshot'], 'true');
    assert.equal(answer.headers['cache-control'], 'no-cache');
    assert.equal(answer.headers['electric-handle'], handle);
    assert.ok(answer.headers['electric-offset']);
    assert.ok(JSON.parse(answer.headers['electric-schema']).id);
    assert.ok(!('etag' in answer.headers));
  });

  test(`${name}: filters, order, limit, offset, parameters`, async () => {
    assert.deepEqual(
      ids(await subset({ where: 'id > $1 AND title <> $2', params: { 1: '10', 2: 'title 14' }, order_by: 'id DESC', limit: 3, offset: 1 })),
      [18, 16, 12],
    );
    assert.deepEqual(ids(await subset({ where: 'id < 7', order_by: '"Order"' })), [6, 4, 2]);
    assert.deepEqual(ids(await subset({ where: 'false' })), []);
    assert.deepEqual(ids(await subset({ where: `mood = 'happy'`, order_by: 'id' })), [2, 8, 14, 20], 'enums may be asked for here');
  });

  test(`${name}: never more than the shape holds`, async () => {
    const all = Array.from({ length: 10 }, (_, i) => 2 * (i + 1));
    const sorted = async (where) => ids(await subset({ where, order_by: 'id' }));
    assert.deepEqual(await sorted('true OR true'), all);
    assert.deepEqual(await sorted("org = 'b' OR org = 'a'"), all);
    const either = { ...MAIN, where: "org = 'a' OR org = 'c'" };
    assert.deepEqual(ids(await subset({ where: "org = 'b'" }, either)), [], 'the main filter is in parentheses too');
    for (const where of [
      'true) OR (true',
      'id = 1 -- ',
      'id = 1 /* ',
      "org = 'b'; SELECT 1",
      'id IN (SELECT id FROM items)',
      'true)) OR ((true',
      '1 = 1) UNION SELECT (1',
    ]) {
      const answer = await subset({ where });
      if (answer.status === 200)
        assert.ok(
          ids(answer).every((id) => id % 2 === 0),
          where,
        );
      else assertRefused(answer, 'where');
    }
    for (const order of ['id; DROP TABLE items', '(SELECT 1)', '$1', 'id, pg_sleep(1)', 'id LIMIT 100', 'nope']) {
      assertRefused(await subset({ order_by: order, limit: 1 }), 'order_by');
    }
    assert.equal((await database.query('SELECT count(*) FROM items'))[0].count, 20n);
  });

  test(`${name}: only queryable columns`, async () => {
    const narrow = { ...MAIN, queryable_columns: 'id,title' };
    assert.deepEqual(ids(await subset({ where: "title = 'title 4'", order_by: 'title' }, narrow)), [4]);
    const answer = await subset({ order_by: 'id', limit: 1 }, narrow);
    assert.deepEqual(Object.keys(answer.json.data[0].value).sort(), ['id', 'title']);
    assertRefused(await subset({ where: "secret = 's4'" }, narrow), 'where');
    assertRefused(await subset({ order_by: 'secret', limit: 1 }, narrow), 'order_by');
  });

  test(`${name}: what is wrong is named`, async () => {
    assertRefused(await subset({ limit: 1 }), 'order_by');
    assertRefused(await subset({ order_by: 'id', limit: 0 }), 'limit');
    assertRefused(await subset({ order_by: 'id', limit: -1 }), 'limit');
    assertRefused(await subset({ order_by: 'id', offset: -1 }), 'offset');
    assertRefused(await subset({ where: 'id = ' }), 'where');
    assertRefused(await subset({ where: 'nope = 1' }), 'where');
    assert.equal((await subset({ where: 'id = $1' })).status, 400);
    assert.equal((await subset({ where: 'id = $1', params: { 2: '1' } })).status, 400);
  });

  test(`${name}: with another handle, 409`, async () => {
    const position = { ...(await begin()), handle: 'another' };
    const query = name === 'GET' ? { ...MAIN, ...position, subset__where: 'id = 2' } : { ...MAIN, ...position };
    const answer = await ask(origin, query, name === 'GET' ? {} : { method: 'POST', body: { where: 'id = 2' } });
    assert.equal(answer.status, 409);
    assert.equal(answer.headers['cache-control'], 'no-cache');
    assert.equal(answer.headers['electric-handle'], (await begin()).handle);
  });
}

test('the body may wrap it, and what only clients know is ignored', async () => {
  const wrapped = { subset: { where: 'id = 2', where_expr: { op: '=' }, order_by_expr: [{ column: 'id' }] } };
  assert.deepEqual(ids(await post(wrapped)), [2]);
});

test('bodies that are none', async () => {
  const position = await begin();
  const bad = async (body) => ask(origin, { ...MAIN, ...position }, { method: 'POST', body });
  for (const body of ['{', 'nonsense', '{"where":}']) {
    const answer = await bad(body);
    assert.equal(answer.status, 400);
    assert.equal(answer.json.error, 'Invalid JSON in request body');
    assert.ok(answer.json.details);
  }
  for (const body of ['[]', '1', '"x"', 'null', 'true']) {
    const answer = await bad(body);
    assert.equal(answer.status, 400, body);
    assert.equal(answer.json.error, 'Request body must be a JSON object');
  }
  for (const body of ['{"where":1}', '{"limit":"1","order_by":"id"}', '{"params":[1]}', '{"nonsense":1}'])
    assert.equal((await bad(body)).status, 400, body);
});

test('from the beginning as well, and of a whole shape', async () => {
  const answer = await ask(origin, { ...MAIN, offset: '-1', subset__where: 'id = 2' });
  assert.deepEqual(ids(answer), [2]);
  const whole = await ask(origin, { table: 'items', offset: '-1' }, { method: 'POST', body: { where: 'id = 1' } });
  assert.deepEqual(ids(whole), [1]);
});

test('events asked for beside it: the subset is served', async () => {
  const answer = await ask(origin, { ...MAIN, ...(await begin()), live: true, live_sse: true, subset__where: 'id = 2' });
  assert.deepEqual(ids(answer), [2]);
});

test('what comes after the snapshot is told by the log, and its marks tell which', async () => {
  const position = await begin();
  const answer = await ask(origin, { ...MAIN, ...position }, { method: 'POST', body: { where: 'id = 2' } });
  await database.query(`UPDATE items SET title = 'later' WHERE id = 2`);
  const live = await ask(origin, { ...MAIN, ...position, live: true });
  const [update] = operations(live.json);
  assert.equal(update.value.title, 'later');
  assert.ok(update.headers.txids.every((txid) => BigInt(txid) >= BigInt(answer.json.metadata.xmin)));
});
