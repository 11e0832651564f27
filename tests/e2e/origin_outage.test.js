// `sluice origin` while its Postgres is away, and after.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pause } from './support/program.js';
import { ask, Events, operations, positionOf, readAll } from './support/shape_api.js';
import { withOrigin } from './support/world.js';

const SCHEMA = `
CREATE TABLE items (id int PRIMARY KEY, title text);
INSERT INTO items SELECT i, 'title ' || i FROM generate_series(1, 10) i;
CREATE TABLE other (id int PRIMARY KEY);
`;
const ITEMS = { table: 'items' };

let cluster, database, origin;
withOrigin(SCHEMA, { args: ['--long-poll-timeout', '2'] }, (world) => ({ cluster, database, origin } = world));

async function health() {
  return (await ask(origin, '', { path: '/v1/health' })).json.status;
}

async function untilHealth(wanted) {
  await origin.program.until(`health is ${wanted}`, async () => (await health()) === wanted);
}

function assertUnavailable(answer, cached = 'no-store') {
  assert.equal(answer.status, 503, answer.text);
  assert.ok(Number(answer.headers['retry-after']) >= 1);
  assert.equal(answer.headers['cache-control'], cached);
  assert.ok(answer.json.error ?? answer.json.message, answer.text);
}

test('what is there is served, the rest is 503 with Retry-After, and it comes back by itself', async () => {
  const pages = await readAll(origin, ITEMS);
  const position = positionOf(pages.at(-1).answer);
  const held = ask(origin, { ...ITEMS, ...position, live: true });
  const events = await Events.open(origin, { ...ITEMS, ...position, live: true, live_sse: true });

  await cluster.stop('SIGINT');
  await untilHealth('waiting').catch(async () => untilHealth('starting'));
  assert.equal((await ask(origin, '', { path: '/v1/health' })).status, 202);

  assert.equal((await ask(origin, { ...ITEMS, offset: '-1' })).text, pages[0].answer.text, 'known rows are served');
  assertUnavailable(await ask(origin, { table: 'other', offset: '-1' }));
  const retryAfter = async () => (await ask(origin, { table: 'other', offset: '-1' })).headers['retry-after'];
  await origin.program.until('knows that it cannot connect again', async () => (await retryAfter()) === '10');
  assertUnavailable(await ask(origin, { ...ITEMS, ...position, live: true }));
  assertUnavailable(await ask(origin, { ...ITEMS, ...position, subset__limit: 1, subset__order_by: 'id' }), 'no-cache');
  const first = await held;
  assert.ok([200, 503].includes(first.status), 'what was held is answered in time');

  await cluster.launch();
  await untilHealth('active');
  const session = await database.session();
  await session.query(`INSERT INTO items VALUES (11, 'after')`);
  const ids = [];
  for (let at = position; ids.length === 0; await pause(50)) {
    const answer = await ask(origin, { ...ITEMS, ...at, live: true });
    if (answer.status === 503) continue;
    assert.equal(answer.status, 200, 'the handle is as good as before');
    ids.push(...operations(answer.json).map(({ value }) => value.id));
    at = positionOf(answer);
  }
  assert.deepEqual(ids, ['11']);
  if (!events.closed) {
    await events.until((messages) => operations(messages).length > 0);
    assert.equal(operations(events.messages)[0].value.id, '11');
  }
  events.close();
  await origin.program.until('makes shapes', async () => (await ask(origin, { table: 'other', offset: '-1' })).status === 200);
  await session.close();
});

test('an origin that starts before its Postgres waits for it', async () => {
  await origin.stop();
  await cluster.stop('SIGINT');
  const launched = origin.launch();
  await origin.program.until('listens', async () =>
    health().then(
      () => true,
      () => false,
    ),
  );
  assert.notEqual(await health(), 'active');
  assertUnavailable(await ask(origin, { ...ITEMS, where: 'id > 5', offset: '-1' }));
  await cluster.launch();
  await launched;
  assert.equal((await ask(origin, { ...ITEMS, where: 'id > 5', offset: '-1' })).status, 200);
});

test('its connections cut, again and again: no change is lost', async () => {
  const session = await database.session();
  let position = positionOf((await readAll(origin, ITEMS)).at(-1).answer);
  const ids = [];
  for (let round = 0; round < 5; round++) {
    await session.query('INSERT INTO items VALUES ($1, $2)', [1000 + 2 * round, 'before']);
    await session.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type IN ('client backend', 'walsender')`,
    );
    await session.query('INSERT INTO items VALUES ($1, $2)', [1001 + 2 * round, 'after']);
  }
  while (ids.length < 10) {
    const answer = await ask(origin, { ...ITEMS, ...position, live: true });
    if (answer.status === 503) {
      await pause(50);
      continue;
    }
    assert.equal(answer.status, 200, answer.text);
    ids.push(...operations(answer.json).map(({ value }) => Number(value.id)));
    position = positionOf(answer);
  }
  assert.deepEqual(
    ids,
    Array.from({ length: 10 }, (_, i) => 1000 + i),
  );
  await session.close();
});
