// `sluice origin`, request by request: what a client that has only met Electric is told. Statuses, fields and bodies.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BareOrigin, newSecret } from './support/gateway.js';
import { ask, positionOf, readAll } from './support/shape_api.js';
import { withOrigin } from './support/world.js';

const SCHEMA = `
CREATE TABLE items (id int PRIMARY KEY, title text, "Mixed Case" text);
INSERT INTO items SELECT i, 'title ' || i, 'm' || i FROM generate_series(1, 10) i;
CREATE TABLE other (id int PRIMARY KEY);
`;
const JSON_TYPE = 'application/json; charset=utf-8';
const INITIAL = 'public, max-age=604800, s-maxage=3600, stale-while-revalidate=2629746';
const CATCH_UP = 'public, max-age=60, stale-while-revalidate=300';
const LIVE = 'public, max-age=5, stale-while-revalidate=5';
const ITEMS = { table: 'items' };

let database, origin;
withOrigin(SCHEMA, { args: ['--long-poll-timeout', '1'] }, (world) => ({ database, origin } = world));

async function start(definition = ITEMS) {
  return positionOf((await readAll(origin, definition)).at(-1).answer);
}

function assertRefused(answer, ...path) {
  assert.equal(answer.status, 400, answer.text);
  assert.equal(answer.json.message, 'Invalid request');
  let blamed = answer.json.errors;
  for (const name of path) {
    assert.ok(name in blamed, `${answer.text} blames ${name}`);
    blamed = blamed[name];
  }
  assert.ok(Array.isArray(blamed) && blamed.length > 0 && typeof blamed[0] === 'string', answer.text);
}

function assertNotKept(answer) {
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal(answer.headers['surrogate-control'], 'no-store');
}

describe('positions', () => {
  test('every spelling of the beginning is the beginning', async () => {
    const answers = [];
    for (const offset of ['-1', '-1_0']) answers.push(await ask(origin, { ...ITEMS, offset }));
    for (const answer of answers) {
      assert.equal(answer.status, 200);
      assert.equal(answer.text, answers[0].text);
      assert.equal(answer.headers['electric-offset'], '0_0');
      assert.ok(!('electric-up-to-date' in answer.headers), 'never up to date, however complete');
      assert.equal(answer.headers['electric-has-data'], 'true');
      assert.ok(JSON.parse(answer.headers['electric-schema']).id.pk_index === 0);
    }
  });

  test('leading zeros and inf', async () => {
    const { handle } = await start();
    for (const offset of ['0_0', '00_000', '0_inf', '0000_inf']) {
      const answer = await ask(origin, { ...ITEMS, offset, handle });
      assert.equal(answer.status, 200, offset);
      assert.ok('electric-up-to-date' in answer.headers, offset);
      assert.equal(answer.headers['electric-up-to-date'], '', 'present, with an empty value');
    }
  });

  test('now skips what there was', async () => {
    const { handle } = await start();
    const answer = await ask(origin, { ...ITEMS, offset: 'now' });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['electric-handle'], handle);
    assert.equal(answer.headers['electric-up-to-date'], '');
    assert.equal(answer.headers['electric-has-data'], 'false');
    assert.equal(answer.headers['cache-control'], CATCH_UP);
    assert.deepEqual(
      answer.json.map(({ headers }) => headers.control),
      ['up-to-date'],
    );
    assert.match(answer.json[0].headers.global_last_seen_lsn, /^\d+$/);
    await database.query(`UPDATE items SET title = 'after now' WHERE id = 1`);
    const next = await ask(origin, { ...ITEMS, ...positionOf(answer), live: true });
    assert.equal(next.json.filter(({ headers }) => headers.operation).length, 1);
  });

  test('what is not an offset', async () => {
    for (const offset of [
      'banana',
      '1',
      '-2',
      '-1_1',
      '1_',
      '_1',
      '1_2_3',
      '1_-1',
      'NOW',
      'inf',
      '1_INF',
      ' 0_0',
      '0x1_0',
      '1e3_0',
      '99999999999999999999999_0',
    ]) {
      const answer = await ask(origin, { ...ITEMS, offset, handle: 'x' });
      assertRefused(answer, 'offset');
      assertNotKept(answer);
    }
    assertRefused(await ask(origin, ITEMS), 'offset');
    assertRefused(await ask(origin, { ...ITEMS, offset: '' }), 'offset');
  });

  test('a handle is needed but at the beginning and now, where it means nothing', async () => {
    const { handle } = await start();
    assertRefused(await ask(origin, { ...ITEMS, offset: '0_0' }), 'handle');
    for (const offset of ['-1', 'now']) {
      const answer = await ask(origin, { ...ITEMS, offset, handle: 'somebody-elses' });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['electric-handle'], handle);
    }
  });

  test('an offset beyond the head is waited for half as long, then refused', async () => {
    const { handle } = await start();
    const begin = Date.now();
    assertRefused(await ask(origin, { ...ITEMS, handle, offset: '9223372036854775807_0' }), 'offset');
    assert.ok(Date.now() - begin >= 450, 'half of the long poll is waited for');
  });
});

describe('handles', () => {
  test('an unknown one, and one of another definition: 409 with the right one', async () => {
    const { handle } = await start();
    const other = await start({ ...ITEMS, where: 'id = 1' });
    assert.notEqual(other.handle, handle);
    for (const wrong of ['123-456', other.handle]) {
      const answer = await ask(origin, { ...ITEMS, offset: '0_0', handle: wrong });
      assert.equal(answer.status, 409);
      assert.equal(answer.text, '[{"headers":{"control":"must-refetch"}}]');
      assert.equal(answer.headers['electric-handle'], handle);
      assert.equal(answer.headers['cache-control'], 'public, max-age=60, must-revalidate');
      assert.equal(answer.headers['content-type'], JSON_TYPE);
      assert.ok(!('electric-offset' in answer.headers));
    }
  });

  test('a live request with a wrong handle is answered at once', async () => {
    await start();
    for (const sse of [{}, { live_sse: true }]) {
      const answer = await ask(origin, { ...ITEMS, offset: '0_inf', handle: 'gone', live: true, ...sse });
      assert.equal(answer.status, 409);
      assert.equal(answer.headers['content-type'], JSON_TYPE, 'errors of an event stream are JSON');
      assert.deepEqual(answer.json, [{ headers: { control: 'must-refetch' } }]);
    }
  });

  test('the handle of a shape that nobody has made: the client is sent to the one made for it', async () => {
    const answer = await ask(origin, { table: 'items', where: 'id = 77', offset: '0_0', handle: 'from-another-life' });
    assert.equal(answer.status, 409);
    const initial = await ask(origin, { table: 'items', where: 'id = 77', offset: '-1' });
    assert.equal(initial.headers['electric-handle'], answer.headers['electric-handle']);
  });

  test('one for each definition, however it is spelled; nothing of the position is in it', async () => {
    const { handle } = await start();
    const same = [
      { table: 'public.items' },
      { table: '"items"' },
      { table: 'ITEMS' },
      { ...ITEMS, log: 'full' },
      { ...ITEMS, replica: 'default' },
    ];
    for (const definition of same) assert.equal((await start(definition)).handle, handle, JSON.stringify(definition));
    const others = [
      { ...ITEMS, log: 'changes_only' },
      { ...ITEMS, replica: 'full' },
      { ...ITEMS, columns: 'id,title' },
      { ...ITEMS, where: 'true' },
    ];
    const handles = new Set([handle]);
    for (const definition of others) handles.add((await start(definition)).handle);
    assert.equal(handles.size, others.length + 1);
    const columns = async (text) => (await start({ ...ITEMS, columns: text })).handle;
    assert.equal(await columns('title,id'), await columns('id,title'), 'columns are a set');
    const where = async (text, more = {}) => (await start({ ...ITEMS, where: text, ...more })).handle;
    assert.equal(await where("title = 'a'  and id=1"), await where("(title = 'a') AND id = 1"));
  });

  test('they are not guessable', async () => {
    const { handle } = await start();
    assert.ok(handle.length >= 20, handle);
  });
});

describe('parameters', () => {
  test('unknown and repeated ones are errors', async () => {
    assertRefused(await ask(origin, { ...ITEMS, offset: '-1', nonsense: '1' }), 'nonsense');
    assertRefused(await ask(origin, 'table=items&table=other&offset=-1'), 'table');
    assertRefused(await ask(origin, 'table=items&offset=-1&offset=now'), 'offset');
    assertRefused(await ask(origin, 'table=items&offset=-1&where=id%3D1&where=id%3D2'), 'where');
  });

  test('what only clients and caches know changes nothing', async () => {
    const { handle } = await start();
    const more = { expired_handle: 'old-1', 'cache-buster': '1729874417404-abc1234', cursor: '33', source_id: 'x' };
    const answer = await ask(origin, { ...ITEMS, offset: '-1', ...more });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['electric-handle'], handle);
  });

  test('tables that are not there, and names that are none', async () => {
    for (const table of [
      'nowhere',
      'nowhere.items',
      'public.nowhere',
      '"Items"',
      'items; drop table items',
      'a.b.c',
      '""',
      '.items',
      'pg_catalog.pg_authid"',
    ]) {
      assertRefused(await ask(origin, { table, offset: '-1' }), 'table');
    }
    assertRefused(await ask(origin, { offset: '-1' }), 'table');
    assertRefused(await ask(origin, { table: '', offset: '-1' }), 'table');
  });

  test('columns hold the key, exist, and are quoted where they must be', async () => {
    const chosen = await ask(origin, { ...ITEMS, columns: 'id,"Mixed Case"', offset: '-1' });
    assert.deepEqual(Object.keys(chosen.json[0].value).sort(), ['Mixed Case', 'id']);
    assert.deepEqual(Object.keys(JSON.parse(chosen.headers['electric-schema'])).sort(), ['Mixed Case', 'id']);
    for (const columns of ['title', 'id,nope', 'id,', ',id', 'id,,title', '', 'id,Mixed Case']) {
      assertRefused(await ask(origin, { ...ITEMS, columns, offset: '-1' }), 'columns');
    }
  });

  test('queryable columns are the projection where there is no other, and not part of the handle beyond that', async () => {
    const chosen = await ask(origin, { ...ITEMS, queryable_columns: 'id,title', offset: '-1' });
    assert.deepEqual(Object.keys(chosen.json[0].value).sort(), ['id', 'title']);
    assert.equal((await start({ ...ITEMS, columns: 'id,title' })).handle, chosen.headers['electric-handle']);
    const both = await ask(origin, { ...ITEMS, columns: 'id', queryable_columns: 'id,title', offset: '-1' });
    assert.equal((await start({ ...ITEMS, columns: 'id' })).handle, both.headers['electric-handle']);
    assertRefused(await ask(origin, { ...ITEMS, queryable_columns: 'title', offset: '-1' }), 'queryable_columns');
    // It does not restrict the main filter.
    const filtered = await ask(origin, { ...ITEMS, queryable_columns: 'id', where: "title = 'title 3'", offset: '-1' });
    assert.deepEqual(
      filtered.json.filter(({ key }) => key).map(({ value }) => value.id),
      ['3'],
    );
  });

  test('params are numbered from 1 without a gap, and text', async () => {
    const where = { ...ITEMS, where: 'id = $1 OR title = $2', offset: '-1' };
    const answer = await ask(origin, { ...where, 'params[1]': '3', 'params[2]': "title 4'; drop table items --" });
    assert.deepEqual(
      answer.json.filter(({ key }) => key).map(({ value }) => value.id),
      ['3'],
    );
    for (const params of [{ 'params[1]': '3' }, { 'params[2]': '3', 'params[3]': '4' }, { 'params[x]': '1' }, { 'params[0]': '1' }]) {
      assert.equal((await ask(origin, { ...where, ...params })).status, 400, JSON.stringify(params));
    }
  });

  test('a subquery is refused in words', async () => {
    const answer = await ask(origin, { ...ITEMS, where: 'id IN (SELECT id FROM other)', offset: '-1' });
    assertRefused(answer, 'where');
    assert.match(answer.json.errors.where[0], /subquer/i);
  });

  test('values of closed sets', async () => {
    assertRefused(await ask(origin, { ...ITEMS, offset: '-1', replica: 'half' }), 'replica');
    assertRefused(await ask(origin, { ...ITEMS, offset: '-1', log: 'some' }), 'log');
  });
});

describe('live', () => {
  test('not from the beginning, nor from now', async () => {
    assertRefused(await ask(origin, { ...ITEMS, offset: '-1', live: true }), 'live');
    assertRefused(await ask(origin, { ...ITEMS, offset: 'now', live: true }), 'live');
  });

  test('anything but `false` is true', async () => {
    const position = await start();
    for (const live of ['true', '1', 'yes', 'FALSE']) {
      const answer = await ask(origin, { ...ITEMS, ...position, live });
      assert.ok('electric-cursor' in answer.headers, live);
      assert.ok(!('electric-schema' in answer.headers), live);
    }
    const answer = await ask(origin, { ...ITEMS, ...position, live: 'false' });
    assert.ok(!('electric-cursor' in answer.headers));
    assert.ok('electric-schema' in answer.headers);
  });

  test('events need live, in either spelling', async () => {
    const position = await start();
    for (const name of ['live_sse', 'experimental_live_sse']) {
      assertRefused(await ask(origin, { ...ITEMS, ...position, [name]: true }), 'live_sse');
      assert.equal((await ask(origin, { ...ITEMS, ...position, [name]: false })).status, 200);
    }
  });
});

describe('what every answer carries', () => {
  test('who served it, a name of its own, and what browsers may read', async () => {
    const position = await start();
    const queries = [
      { ...ITEMS, offset: '-1' },
      { ...ITEMS, ...position },
      { ...ITEMS, offset: '0_0', handle: 'x' },
      { ...ITEMS },
      { ...ITEMS, ...position, live: true },
    ];
    const names = new Set();
    for (const query of queries) {
      const { headers } = await ask(origin, query);
      assert.ok(headers['electric-server']);
      names.add(headers['x-request-id']);
      assert.equal(headers['access-control-allow-origin'], '*');
      const exposed = headers['access-control-expose-headers'].split(',').map((name) => name.trim().toLowerCase());
      const needed = ['cursor', 'handle', 'has-data', 'offset', 'schema', 'up-to-date', 'internal-known-error'].map(
        (name) => `electric-${name}`,
      );
      for (const name of [...needed, 'retry-after']) assert.ok(exposed.includes(name), name);
      assert.ok(!('vary' in headers));
      assert.ok(!('set-cookie' in headers));
    }
    assert.equal(names.size, queries.length);
  });

  test('cache fields of each case', async () => {
    const position = await start();
    const cached = async (query, how) => (await ask(origin, query, how)).headers['cache-control'];
    assert.equal(await cached({ ...ITEMS, offset: '-1' }), INITIAL);
    assert.equal(await cached({ ...ITEMS, offset: '-1', handle: position.handle }), INITIAL);
    assert.equal(await cached({ ...ITEMS, ...position }), CATCH_UP);
    assert.equal(await cached({ ...ITEMS, offset: 'now' }), CATCH_UP);
    assert.equal(await cached({ ...ITEMS, ...position, live: true }), LIVE);
    assert.equal(await cached({ ...ITEMS, ...position, subset__limit: 1, subset__order_by: 'id' }), 'no-cache');
    assert.equal(await cached({ ...ITEMS, ...position }, { method: 'POST', body: {} }), 'no-cache');
    assert.equal(await cached({ ...ITEMS, offset: '0_0', handle: 'x' }, { method: 'POST', body: {} }), 'no-cache');
    assertNotKept(await ask(origin, { table: 'nowhere', offset: '-1' }));
  });

  test("cache ages are the operator's", async () => {
    const tuned = await BareOrigin.start(
      { ...database, name: `${database.name}_tuned` },
      { args: ['--cache-max-age', '7', '--cache-stale-age', '11'] },
    );
    const initial = await ask(tuned, { ...ITEMS, offset: '-1' });
    assert.equal(initial.headers['cache-control'], INITIAL);
    const answer = await ask(tuned, { ...ITEMS, ...positionOf(initial) });
    assert.equal(answer.headers['cache-control'], 'public, max-age=7, stale-while-revalidate=11');
    await tuned.stop();
  });
});

describe('entity tags', () => {
  const offsets = { initial: '-1', caughtUp: undefined };

  async function page(offset, headers = {}) {
    const position = offset ? { offset } : await start();
    return ask(origin, { ...ITEMS, ...position }, { headers });
  }

  test('they name handle, the offset asked for and the one answered', async () => {
    const initial = await page('-1');
    const { handle } = positionOf(initial);
    assert.equal(initial.headers.etag, `"${handle}:-1:0_0"`);
    const next = await ask(origin, { ...ITEMS, ...positionOf(initial) });
    assert.equal(next.headers.etag, `"${handle}:0_0:${next.headers['electric-offset']}"`);
  });

  for (const [name, offset] of Object.entries(offsets)) {
    test(`304 where the tag is known: ${name}`, async () => {
      const { etag } = (await page(offset)).headers;
      for (const known of [etag, `"other", ${etag}`, `${etag},"other"`, etag.replaceAll('"', '')]) {
        const answer = await page(offset, { 'if-none-match': known });
        assert.equal(answer.status, 304, known);
        assert.equal(answer.text, '');
        assert.equal(answer.headers.etag, etag);
        assert.equal(answer.headers['cache-control'], offset ? INITIAL : CATCH_UP);
        assert.ok(!('electric-schema' in answer.headers));
      }
      for (const unknown of [`W/${etag}`, '"other"', '*', '']) {
        assert.equal((await page(offset, { 'if-none-match': unknown })).status, 200, unknown);
      }
    });
  }

  test('an empty live answer has one of its own each time', async () => {
    const position = await start();
    const live = () => ask(origin, { ...ITEMS, ...position, live: true });
    const [first, second] = [await live(), await live()];
    assert.equal(first.headers['electric-has-data'], 'false');
    assert.match(first.headers.etag, new RegExp(`^"${position.handle}:${position.offset}:${position.offset}:\\d+"$`));
    assert.notEqual(first.headers.etag, second.headers.etag);
  });

  test('never 304 for POST', async () => {
    const { etag } = (await page('-1')).headers;
    const answer = await ask(origin, { ...ITEMS, offset: '-1' }, { method: 'POST', body: {}, headers: { 'if-none-match': etag } });
    assert.equal(answer.status, 200);
  });
});

describe('methods and paths', () => {
  test('the root, health and nothing else', async () => {
    for (const method of ['GET', 'HEAD']) {
      const root = await ask(origin, '', { path: '/', method });
      assert.deepEqual([root.status, root.text], [200, '']);
      const health = await ask(origin, '', { path: '/v1/health', method });
      assert.equal(health.status, 200);
      assert.equal(health.headers['cache-control'], 'no-cache, no-store, must-revalidate');
      if (method === 'GET') assert.deepEqual(health.json, { status: 'active' });
    }
    for (const path of ['/v1', '/v1/shape/', '/v1/shapes', '/v2/shape', '/V1/shape']) {
      const answer = await ask(origin, { ...ITEMS, offset: '-1' }, { path });
      assert.equal(answer.status, 404, path);
    }
    assert.equal((await ask(origin, '', { path: '/v1/nothing' })).text, 'Not found');
    assert.equal((await ask(origin, { ...ITEMS, offset: '-1' }, { path: '/v1//shape' })).status, 400, 'no second spelling of a path');
    assert.equal((await ask(origin, { ...ITEMS, offset: '-1' }, { method: 'PUT', body: 'x' })).status, 404);
  });

  test('HEAD is GET without the body', async () => {
    await start();
    const get = await ask(origin, { ...ITEMS, offset: '-1' });
    const head = await ask(origin, { ...ITEMS, offset: '-1' }, { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(head.text, '');
    for (const name of ['electric-handle', 'electric-offset', 'electric-schema', 'etag', 'cache-control', 'content-type']) {
      assert.equal(head.headers[name], get.headers[name], name);
    }
    assert.equal((await ask(origin, ITEMS, { method: 'HEAD' })).status, 400);
  });

  test('HEAD holds a live request', async () => {
    const position = await start();
    const begin = Date.now();
    const answer = await ask(origin, { ...ITEMS, ...position, live: true }, { method: 'HEAD' });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['electric-has-data'], 'false');
    assert.ok(Date.now() - begin >= 900);
  });

  test('OPTIONS', async () => {
    const answer = await ask(origin, '', { method: 'OPTIONS' });
    assert.equal(answer.status, 204);
    assert.equal(answer.text, '');
    assert.equal(answer.headers['access-control-allow-origin'], '*');
    assert.equal(answer.headers['access-control-allow-methods'], 'GET, POST, HEAD, DELETE, OPTIONS');
    assert.equal(answer.headers['access-control-max-age'], '86400');
    for (const name of ['if-none-match', 'traceparent']) assert.ok(answer.headers['access-control-allow-headers'].includes(name));
  });

  test('POST of nothing is a whole read that no cache keeps', async () => {
    await start();
    const get = await ask(origin, { ...ITEMS, offset: '-1' });
    for (const body of ['', '{}', '{"subset":{}}']) {
      const post = await ask(origin, { ...ITEMS, offset: '-1' }, { method: 'POST', body });
      assert.equal(post.status, 200, body);
      assert.equal(post.text, get.text);
      assert.equal(post.headers['cache-control'], 'no-cache');
      assert.ok(!('electric-snapshot' in post.headers));
    }
  });

  test('DELETE is refused unless it is allowed', async () => {
    const { handle } = await start();
    const refused = await ask(origin, ITEMS, { method: 'DELETE' });
    assert.ok([400, 405].includes(refused.status));
    assert.equal((await ask(origin, { ...ITEMS, offset: '-1' }, { method: 'DELETE' })).status, 405);
    assert.equal((await start()).handle, handle);
  });

  test('too much of anything', async () => {
    const huge = await ask(origin, { ...ITEMS, offset: '-1', where: `title = '${'x'.repeat(40_000)}'` });
    assert.equal(huge.status, 414);
    const body = await ask(
      origin,
      { ...ITEMS, offset: '-1' },
      { method: 'POST', body: JSON.stringify({ where: 'x'.repeat(9_000_000) }) },
    ).catch((error) => error);
    // The server may close before all of it is sent.
    if (!(body instanceof Error)) assert.equal(body.status, 413);
  });
});

describe('deleting', () => {
  let deleting;
  before(async () => (deleting = await BareOrigin.start({ ...database, name: `${database.name}_delete` }, { args: ['--allow-delete'] })));
  after(() => deleting?.stop());

  test('202, then nobody goes on from the handle', async () => {
    const query = { ...ITEMS, offset: '-1' };
    const initial = await ask(deleting, query);
    const held = ask(deleting, { ...ITEMS, offset: '0_inf', handle: initial.headers['electric-handle'], live: true });
    await new Promise((resolve) => setTimeout(resolve, 200));
    const deleted = await ask(deleting, query, { method: 'DELETE' });
    assert.equal(deleted.status, 202);
    assert.equal(deleted.headers['cache-control'], 'no-cache');
    assert.equal((await held).status, 409, 'who waited is told');
    const after = await ask(deleting, { ...ITEMS, ...positionOf(initial) });
    assert.equal(after.status, 409);
    assert.notEqual(after.headers['electric-handle'], initial.headers['electric-handle']);
    const anew = await ask(deleting, query);
    assert.equal(anew.status, 200);
    assert.equal(anew.headers['electric-handle'], after.headers['electric-handle']);
  });

  test('404 where there is none', async () => {
    const answer = await ask(deleting, { table: 'other', offset: '-1' }, { method: 'DELETE' });
    assert.equal(answer.status, 404);
    assert.equal(answer.headers['cache-control'], 'no-cache');
  });
});

describe('the secret', () => {
  const secret = newSecret();
  let guarded;
  before(async () => (guarded = await BareOrigin.start({ ...database, name: `${database.name}_secret` }, { secret })));
  after(() => guarded?.stop());

  test('without it nothing is told, not even to browsers', async () => {
    for (const query of [
      { ...ITEMS, offset: '-1' },
      { ...ITEMS, offset: '-1', secret: 'wrong' },
      { ...ITEMS, offset: '-1', secret: '' },
      {},
    ]) {
      for (const method of ['GET', 'POST', 'HEAD', 'DELETE']) {
        const answer = await ask(guarded, query, { method });
        assert.equal(answer.status, 401);
        if (method !== 'HEAD') assert.equal(answer.text, '{"message":"Unauthorized - Invalid API secret"}');
        assert.ok(!('access-control-allow-origin' in answer.headers));
        assert.ok(!('cache-control' in answer.headers));
        assert.ok(answer.headers['x-request-id']);
      }
    }
  });

  test('in either spelling it lets in, and is no part of the shape', async () => {
    const one = await ask(guarded, { ...ITEMS, offset: '-1', secret });
    const other = await ask(guarded, { ...ITEMS, offset: '-1', api_secret: secret });
    assert.deepEqual([one.status, other.status], [200, 200]);
    assert.equal(one.headers['electric-handle'], other.headers['electric-handle']);
  });

  test('preflight and health need none', async () => {
    assert.equal((await ask(guarded, '', { method: 'OPTIONS' })).status, 204);
    assert.equal((await ask(guarded, '', { path: '/v1/health' })).status, 200);
  });
});
