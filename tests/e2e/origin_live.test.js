// `sluice origin`: changes as they come. Long polls, event streams, cursors, and chunks that never move.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pause } from './support/program.js';
import { ask, Events, operations, positionOf, readAll } from './support/shape_api.js';
import { withOrigin } from './support/world.js';

const POLL_S = 2;
const CHUNK_BYTES = 2000;
const CURSOR_EPOCH_S = Date.UTC(2024, 9, 9) / 1000;
const KEEP_ALIVE_MS = 21_000;
const SCHEMA = `
CREATE TABLE items (id int PRIMARY KEY, title text, done boolean);
CREATE TABLE quiet (id int PRIMARY KEY);
CREATE TABLE chunks (id int PRIMARY KEY, title text);
CREATE TABLE turned (id int PRIMARY KEY);
INSERT INTO items SELECT i, 'title ' || i, false FROM generate_series(1, 5) i;
INSERT INTO chunks SELECT i, 'title ' || i FROM generate_series(1, 100) i;
`;

let database, origin, silent, silentSince;
const ARGS = ['--long-poll-timeout', String(POLL_S), '--chunk-bytes', String(CHUNK_BYTES)];
withOrigin(SCHEMA, { args: ARGS }, async (world) => {
  ({ database, origin } = world);
  silent = await Events.open(origin, { table: 'quiet', ...(await head('quiet')), live: true, live_sse: true });
  silentSince = Date.now();
});

async function head(table, more = {}) {
  return positionOf((await readAll(origin, { table, ...more })).at(-1).answer);
}

function live(table, position, more = {}) {
  return ask(origin, { table, ...position, live: true, ...more });
}

const isUpToDate = ({ headers }) => headers.control === 'up-to-date';

describe('long poll', () => {
  test('nothing happens: up to date, without data, after the time-out', async () => {
    const position = await head('items');
    const begin = Date.now();
    const answer = await live('items', position);
    assert.ok(Date.now() - begin >= POLL_S * 1000 - 100);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['electric-has-data'], 'false');
    assert.equal(answer.headers['electric-up-to-date'], '');
    assert.equal(answer.headers['electric-offset'], position.offset);
    assert.deepEqual(
      answer.json.map(({ headers }) => headers.control),
      ['up-to-date'],
    );
    assert.match(answer.json[0].headers.global_last_seen_lsn, /^\d+$/);
  });

  test('a change is told at once, to everybody with the same bytes', async () => {
    const position = await head('items');
    const waiting = Array.from({ length: 20 }, () => live('items', position));
    await pause(200);
    await database.query(`UPDATE items SET title = 'new' WHERE id = 2`);
    const answers = await Promise.all(waiting);
    for (const answer of answers) {
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['electric-has-data'], 'true');
      assert.equal(answer.text, answers[0].text);
      assert.equal(answer.headers.etag, `"${position.handle}:${position.offset}:${answer.headers['electric-offset']}"`);
    }
    const [update] = operations(answers[0].json);
    assert.deepEqual(update.value, { id: '2', title: 'new' });
    assert.deepEqual(Object.keys(update.headers).sort(), ['last', 'lsn', 'op_position', 'operation', 'relation', 'txids']);
    assert.ok(isUpToDate(answers[0].json.at(-1)));
  });

  test('a transaction comes whole, in its order, its last operation marked', async () => {
    const position = await head('items');
    const waiting = live('items', position);
    await pause(100);
    await database.transaction(
      'INSERT INTO items VALUES (100, $$a$$, true)',
      `UPDATE items SET title = 'b' WHERE id = 100`,
      'DELETE FROM items WHERE id = 100',
      `UPDATE items SET done = true WHERE id = 3`,
    );
    const messages = operations((await waiting).json);
    assert.deepEqual(
      messages.map(({ headers }) => headers.operation),
      ['insert', 'update', 'delete', 'update'],
    );
    assert.deepEqual(
      messages.map(({ headers }) => headers.last),
      [undefined, undefined, undefined, true],
    );
    assert.equal(new Set(messages.map(({ headers }) => headers.lsn)).size, 1);
    assert.equal(new Set(messages.map(({ headers }) => String(headers.txids))).size, 1);
    const positions = messages.map(({ headers }) => headers.op_position);
    assert.deepEqual(
      positions,
      [...positions].sort((a, b) => a - b),
    );
  });

  test('offsets only grow', async () => {
    let position = await head('items');
    const seen = [];
    for (let i = 0; i < 5; i++) {
      await database.query(`UPDATE items SET title = 'grow ${i}' WHERE id = 4`);
      position = positionOf(await live('items', position));
      seen.push(position.offset.split('_').map(Number));
    }
    for (let i = 1; i < seen.length; i++) assert.ok(seen[i][0] > seen[i - 1][0]);
  });

  test('truncate: who waits is told to fetch again', async () => {
    const position = await head('turned');
    const waiting = live('turned', position);
    await pause(100);
    await database.query('TRUNCATE turned');
    const answer = await waiting;
    assert.equal(answer.status, 409);
    assert.deepEqual(answer.json, [{ headers: { control: 'must-refetch' } }]);
    const later = await live('turned', position);
    assert.equal(later.status, 409);
    assert.notEqual(later.headers['electric-handle'], position.handle);
  });
});

describe('cursor', () => {
  const slot = () => Math.ceil((Math.floor(Date.now() / 1000) - CURSOR_EPOCH_S) / POLL_S) * POLL_S;

  async function cursorAfter(cursor) {
    const position = await head('items');
    await database.query(`UPDATE items SET title = title || '.' WHERE id = 1`);
    return Number((await live('items', position, cursor === undefined ? {} : { cursor })).headers['electric-cursor']);
  }

  test('it is the end of the present interval', async () => {
    for (const former of [undefined, '', 'nonsense', '0', '12']) {
      const before = slot();
      const cursor = await cursorAfter(former);
      assert.ok(cursor >= before && cursor <= slot() && cursor % POLL_S === 0, `${former}: ${cursor}`);
    }
  });

  test('it is always greater than the one before', async () => {
    for (let cursor = slot() + 10_000, i = 0; i < 5; i++) {
      const next = await cursorAfter(String(cursor));
      assert.ok(next > cursor && next <= cursor + 3600, `${cursor}, then ${next}`);
      cursor = next;
    }
  });
});

describe('events', () => {
  test('changes one by one, each batch ended by up-to-date', async () => {
    const position = await head('items');
    const events = await Events.open(origin, { table: 'items', ...position, live: true, live_sse: true, experimental_live_sse: true });
    assert.equal(events.status, 200);
    assert.equal(events.headers['content-type'], 'text/event-stream');
    assert.equal(events.headers['cache-control'], 'public, max-age=59');
    assert.equal(events.headers['electric-handle'], position.handle);
    assert.equal(events.headers['electric-offset'], position.offset);
    assert.ok(events.headers['electric-cursor']);
    assert.ok(!('electric-schema' in events.headers));
    await database.transaction(`UPDATE items SET title = 'e1' WHERE id = 1`, `UPDATE items SET title = 'e2' WHERE id = 2`);
    await events.until((messages) => operations(messages).length === 2 && isUpToDate(messages.at(-1)));
    await database.query('DELETE FROM items WHERE id = 5');
    const messages = await events.until((all) => operations(all).length === 3 && isUpToDate(all.at(-1)));
    assert.deepEqual(
      operations(messages).map(({ headers }) => headers.operation),
      ['update', 'update', 'delete'],
    );
    events.close();
  });

  test('they go on from the last up-to-date, as a client does', async () => {
    const position = await head('items');
    const first = await Events.open(origin, { table: 'items', ...position, live: true, live_sse: true });
    await database.query(`INSERT INTO items VALUES (200, 'one', false)`);
    const seen = await first.until((messages) => operations(messages).length > 0 && isUpToDate(messages.at(-1)));
    first.close();
    await database.query(`INSERT INTO items VALUES (201, 'two', false)`);
    const offset = `${seen.at(-1).headers.global_last_seen_lsn}_0`;
    const second = await Events.open(origin, { table: 'items', handle: position.handle, offset, live: true, live_sse: true });
    const next = await second.until((messages) => operations(messages).length > 0);
    assert.deepEqual(
      operations(next).map(({ value }) => value.id),
      ['201'],
    );
    second.close();
  });

  test('behind the head, what was missed comes first', async () => {
    const position = await head('items');
    await database.query(`INSERT INTO items VALUES (300, 'missed', false)`);
    const events = await Events.open(origin, { table: 'items', ...position, live: true, experimental_live_sse: true });
    const messages = await events.until((all) => operations(all).length > 0);
    assert.equal(operations(messages)[0].value.id, '300');
    events.close();
  });

  test('a shape that turns over ends the stream without a word', async () => {
    const events = await Events.open(origin, { table: 'turned', ...(await head('turned')), live: true, live_sse: true });
    await database.query('TRUNCATE turned');
    await events.ended;
    assert.deepEqual(operations(events.messages), []);
    assert.ok(events.messages.every(({ headers }) => headers.control !== 'must-refetch'));
  });
});

describe('chunks', () => {
  const query = { table: 'chunks' };
  const bytesOf = (pages) => pages.map(({ answer }) => answer.text);

  test('they are of about the size wanted and say where to go on', async () => {
    const pages = await readAll(origin, query);
    assert.ok(pages.length >= 4, `${pages.length} pages`);
    const ids = pages.flatMap(({ answer }) => operations(answer.json).map(({ value }) => Number(value.id)));
    assert.deepEqual(
      ids.sort((a, b) => a - b),
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
    for (const { answer } of pages.slice(0, -1)) {
      assert.ok(answer.text.length < 2 * CHUNK_BYTES, `${answer.text.length} bytes`);
      assert.ok(!('electric-up-to-date' in answer.headers));
      assert.ok(answer.headers['electric-schema']);
      assert.ok(answer.headers.etag);
    }
  });

  test('they never move, whatever comes after them', async () => {
    const before = await readAll(origin, query);
    for (let i = 0; i < 30; i++) await database.query(`UPDATE chunks SET title = repeat('x', 100) WHERE id = $1`, [i + 1]);
    let grown;
    do grown = await readAll(origin, query);
    while (grown.flatMap(({ answer }) => operations(answer.json)).length < 130);
    const again = await readAll(origin, query);
    assert.deepEqual(bytesOf(again).slice(0, -1), bytesOf(grown).slice(0, -1));
    assert.ok(grown.length > before.length);
    // All but the last of the first reading, which was not full, are as they were.
    assert.deepEqual(bytesOf(grown).slice(0, before.length - 1), bytesOf(before).slice(0, -1));
    for (const { query: asked, answer } of grown.slice(0, -1)) {
      const repeated = await ask(origin, asked);
      assert.equal(repeated.headers.etag, answer.headers.etag);
      assert.equal(repeated.headers['electric-offset'], answer.headers['electric-offset']);
      const known = await ask(origin, asked, { headers: { 'if-none-match': answer.headers.etag } });
      assert.equal(known.status, 304);
    }
  });

  test('a live request behind the head is given one chunk after the other', async () => {
    const position = await head('chunks');
    await database.transaction(...Array.from({ length: 60 }, (_, i) => `UPDATE chunks SET title = repeat('y', 100) WHERE id = ${i + 1}`));
    const ids = [];
    let at = position;
    for (let answer; !answer || !('electric-up-to-date' in answer.headers); at = positionOf(answer)) {
      answer = await live('chunks', at);
      assert.equal(answer.status, 200);
      ids.push(...operations(answer.json).map(({ value }) => Number(value.id)));
    }
    assert.deepEqual(
      ids,
      Array.from({ length: 60 }, (_, i) => i + 1),
    );
  });
});

describe('definitions that change what is told', () => {
  test('changes_only begins with nothing, and then tells everything', async () => {
    const initial = await ask(origin, { table: 'items', log: 'changes_only', offset: '-1' });
    assert.equal(initial.status, 200);
    assert.deepEqual(operations(initial.json), []);
    assert.ok(initial.headers['electric-schema']);
    const position = await head('items', { log: 'changes_only' });
    await database.query(`UPDATE items SET title = 'of a row never seen' WHERE id = 3`);
    const answer = await live('items', position, { log: 'changes_only' });
    assert.deepEqual(
      operations(answer.json).map(({ headers, value }) => [headers.operation, value.title]),
      [['update', 'of a row never seen']],
    );
  });

  test('replica=full tells whole rows and what was there before', async () => {
    const position = await head('items', { replica: 'full' });
    await database.transaction(`UPDATE items SET title = 'whole' WHERE id = 4`, 'DELETE FROM items WHERE id = 4');
    const [update, remove] = operations((await live('items', position, { replica: 'full' })).json);
    assert.equal(update.value.title, 'whole');
    assert.deepEqual(Object.keys(update.value).sort(), ['done', 'id', 'title']);
    assert.deepEqual(Object.keys(update.old_value), ['title']);
    assert.equal(remove.value.title, 'whole');
    assert.deepEqual(Object.keys(remove.value).sort(), ['done', 'id', 'title']);
  });

  test('rows move in and out of a filter', async () => {
    const where = { where: 'done' };
    const position = await head('items', where);
    await database.transaction(
      'UPDATE items SET done = true WHERE id = 1',
      `UPDATE items SET title = 'within' WHERE id = 1`,
      'UPDATE items SET done = false WHERE id = 1',
      `UPDATE items SET title = 'without' WHERE id = 1`,
    );
    const messages = operations((await live('items', position, where)).json);
    assert.deepEqual(
      messages.map(({ headers }) => headers.operation),
      ['insert', 'update', 'delete'],
    );
    assert.deepEqual(
      messages[0].value.title !== undefined && Object.keys(messages[0].value).sort(),
      ['done', 'id', 'title'],
      'moved in: the whole row',
    );
    assert.deepEqual(messages[2].value, { id: '1' });
  });

  test('what happens to other columns is not told', async () => {
    const columns = { columns: 'id,done' };
    const position = await head('items', columns);
    await database.query(`UPDATE items SET title = 'unseen' WHERE id = 2`);
    await database.query(`UPDATE items SET done = NOT done WHERE id = 2`);
    const text = (await live('items', position, columns)).text;
    assert.ok(!text.includes('unseen'));
    assert.ok(text.includes('"done"'));
  });
});

test('a silent event stream is kept alive by comments', async () => {
  await pause(Math.max(0, silentSince + KEEP_ALIVE_MS + 500 - Date.now()));
  while (silent.comments.length === 0) await pause(50);
  assert.equal(silent.comments[0].text, ': keep-alive');
  assert.ok(silent.comments[0].at_ms - silentSince >= KEEP_ALIVE_MS - 500);
  assert.ok(!silent.closed);
  assert.deepEqual(operations(silent.messages), []);
  silent.close();
});
