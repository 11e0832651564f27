// What a grant covers, how long it lives, and what asking may cost.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { Follower } from './support/follower.js';
import { ALLOWED_ORIGIN } from './support/gateway.js';
import { rowsOf } from './support/schema.js';
import { get, read } from './support/shapes.js';
import { base64url, now_s, readToken } from './support/tokens.js';
import { withGateway } from './support/world.js';

const RULES = `
[[rule]]
table = "items"
where = "org_id = $1"
params = ["{claims.org_id}"]

[[rule]]
table = "comments"
where = "org_id = $1"
params = ["{claims.org_id}"]
subset = false

[[rule]]
table = "notes"
where = "org_id = $1"
params = ["{claims.org_id}"]
columns = ["id", "org_id", "text"]
subset_limit_max = 10
`;
const TABLES = `
CREATE TABLE comments (id bigint PRIMARY KEY, org_id int NOT NULL, text text NOT NULL);
INSERT INTO comments SELECT i, 1 + i % 2, 'org' || 1 + i % 2 || ' comment ' || i FROM generate_series(1, 40) i;
CREATE TABLE notes (id bigint PRIMARY KEY, org_id int NOT NULL, text text NOT NULL, hidden text NOT NULL);
INSERT INTO notes SELECT i, 1 + i % 2, 'org' || 1 + i % 2 || ' note ' || i, 'hidden' || i FROM generate_series(1, 40) i;
`;

let database, gateway;
const LIMITS = '\n[gate]\nsubset_limit_max = 100\nsubset_concurrency = 2\n';
withGateway(200, { rules: RULES, sections: LIMITS }, (world) => ({ database, gateway } = world), TABLES);

const ask = (query, { headers }) => get(`${gateway.url}/v1/shape`, new URLSearchParams({ offset: '-1', ...query }), headers);
const HONEST = { table: 'items', where: 'org_id = $1', 'params[1]': '1' };

describe('a shape beside the granted one', () => {
  let grant;
  before(async () => {
    grant = await gateway.grant({ org_id: 1 });
  });

  const narrower = {
    'a further condition': { ...HONEST, where: 'org_id = $1 AND done = false' },
    'a further condition before it': { ...HONEST, where: 'done = false AND org_id = $1' },
    'several': { ...HONEST, where: 'org_id = $1 AND id > $2 AND (done OR price > 3)', 'params[2]': '7' },
    'another number of the parameter': { table: 'items', where: 'id > $1 AND org_id = $2', 'params[1]': '7', 'params[2]': '1' },
    'another spelling': { table: 'public.items', where: '(ORG_ID)=$1', 'params[1]': '1' },
    'fewer columns': { ...HONEST, columns: 'id,title' },
    'fewer columns and a further condition': { ...HONEST, where: 'org_id = $1 AND done', columns: 'id,done' },
    'only changes': { ...HONEST, log: 'changes_only' },
  };
  for (const [what, query] of Object.entries(narrower))
    test(`narrower: ${what}`, async () => {
      const answer = await ask(query, grant);
      assert.equal(answer.status, 200, answer.text);
      assert.doesNotMatch(answer.text, /org2/);
    });

  const wider = {
    'E6: another value': { ...HONEST, 'params[1]': '2' },
    'no condition': { table: 'items' },
    'OR at the top': { ...HONEST, where: 'org_id = $1 OR done' },
    'OR that AND seems to bind': { ...HONEST, where: 'done OR id > 3 AND org_id = $1' },
    'NOT of it': { ...HONEST, where: 'NOT org_id = $1' },
    'the condition within another': { ...HONEST, where: '(org_id = $1) IS NOT NULL' },
    'a range that holds it': { ...HONEST, where: 'org_id >= $1' },
    'a list that holds it': { ...HONEST, where: 'org_id IN ($1, 2)' },
    'the same of another column': { ...HONEST, where: 'id = $1' },
    'a literal, which may be of another type than the parameter': { table: 'items', where: `org_id = '1' AND id > 7` },
    'full rows': { ...HONEST, replica: 'full' },
    'another table': { table: 'secrets' },
    'the same table of another schema': { ...HONEST, table: 'private.items' },
  };
  for (const [what, query] of Object.entries(wider))
    test(`not narrower: ${what}`, async () => {
      const before = await gateway.originRequests();
      const answer = await ask(query, grant);
      assert.equal(answer.status, 403, answer.text);
      assert.equal(answer.json.error, 'shape_forbidden');
      assert.equal(await gateway.originRequests(), before);
    });

  test('the published client follows a narrower one', async () => {
    const { url, headers } = grant;
    const params = { table: 'items', where: 'org_id = $1 AND done = $2', params: ['1', 'true'], columns: ['id', 'org_id', 'done'] };
    const follower = new Follower({ url, headers, params });
    const expected = () => database.query('SELECT id, org_id, done FROM items WHERE org_id = 1 AND done ORDER BY id');
    await follower.equals(await expected());
    await database.query('UPDATE items SET done = NOT done WHERE id < 20');
    await follower.equals(await expected());
    follower.stop();
    follower.assertClean();
  });
});

describe('one token for several shapes', () => {
  const shapes = (list, token = gateway.identity({ org_id: 1 })) => gateway.askGatekeeper('', { token, definition: { shapes: list } });

  test('two streams with it', async () => {
    const response = await shapes([{ table: 'items' }, { table: 'comments', columns: ['id', 'text'] }]);
    assert.equal(response.status, 200);
    const { headers, expires_at, refresh_at, shapes: granted } = await response.json();
    assert.ok(now_s() < refresh_at && refresh_at < expires_at);
    const followers = granted.map((options) => new Follower({ ...options, headers }));
    await followers[0].equals(await rowsOf(database, 1));
    await followers[1].equals(await database.query('SELECT id, text FROM comments WHERE org_id = 1 ORDER BY id'));
    for (const follower of followers) follower.stop();

    const other = { ...HONEST, table: 'comments' };
    assert.equal((await ask({ ...other, columns: 'id' }, { headers })).status, 200);
    assert.equal((await ask(other, { headers })).status, 403);
    assert.equal((await ask({ ...HONEST, table: 'notes', columns: 'id,text' }, { headers })).status, 403);
  });

  test('all of them or none', async () => {
    const response = await shapes([{ table: 'items' }, { table: 'secrets' }]);
    assert.equal(response.status, 403);
    assert.equal((await shapes([])).status, 400);
    assert.equal((await shapes(Array(33).fill({ table: 'items' }))).status, 400);
    assert.equal((await shapes([{ table: 'items', tabel: 1 }])).status, 400);
  });
});

describe('how long grants live', () => {
  test('what is granted at one time does not end at one time', async () => {
    const grants = await Promise.all(Array.from({ length: 50 }, () => gateway.grant({ org_id: 1 })));
    const now = now_s();
    const ends = new Set(grants.map(({ expires_at }) => expires_at));
    const refreshes = new Set(grants.map(({ refresh_at }) => refresh_at));
    // 50 of 360 seconds: 47 different ones on the average.
    assert.ok(ends.size > 25, `${ends.size} ends`);
    assert.ok(refreshes.size > 25, `${refreshes.size} times to ask again`);
    for (const { expires_at, refresh_at, headers } of grants) {
      assert.ok(expires_at <= now + 3600 && expires_at >= now + 3600 * 0.9 - 30);
      assert.ok(refresh_at > now && refresh_at <= expires_at - 60);
      assert.equal(readToken(headers.Authorization.slice('Bearer '.length)).claims.exp, expires_at);
    }
  });

  test('answers near the end say so, to pages of another origin as well', async () => {
    const left = async (lifetime_s) => {
      const token = gateway.identity({ org_id: 1 }, lifetime_s);
      const grant = await (await gateway.askGatekeeper('items', { token })).json();
      return ask(HONEST, { headers: { ...grant.headers, origin: ALLOWED_ORIGIN } });
    };
    const near = await left(40);
    assert.equal(near.status, 200);
    const seconds = Number(near.headers.get('sluice-token-expires-in'));
    assert.ok(seconds > 0 && seconds <= 40, `${seconds}`);
    assert.match(near.headers.get('access-control-expose-headers'), /(^|[ ,])sluice-token-expires-in($|,)/);
    assert.equal((await left(3000)).headers.get('sluice-token-expires-in'), null);
  });

  test('J42: a grant ends with the login that it was asked with', async () => {
    const token = gateway.identity({ org_id: 1 }, 40);
    const grant = await (await gateway.askGatekeeper('items', { token })).json();
    assert.equal(grant.expires_at, readToken(token).claims.exp);
  });
});

describe('subsets', () => {
  const of = async (table, claims = { org_id: 1 }) => gateway.grant(claims, table);
  const subset = (grant, more) => read(grant, gateway, { log: 'changes_only', ...more });

  test('E15: a limit above the highest is refused', async () => {
    const grant = await of('items');
    const within = await subset(grant, { subset__limit: '100', subset__order_by: 'id' });
    assert.equal(within.status, 200, within.text);
    assert.equal(within.json.data.length, 100);
    const beyond = await subset(grant, { subset__limit: '101', subset__order_by: 'id' });
    assert.equal(beyond.status, 400);
    assert.equal(beyond.json.parameter, 'subset__limit');
    const huge = await subset(grant, { subset__limit: '99999999999999999999', subset__order_by: 'id' });
    assert.equal(huge.status, 400);
  });

  test('E15: a grant with a highest limit wants one, and that low', async () => {
    const grant = await of('notes');
    assert.equal((await subset(grant, { subset__limit: '10', subset__order_by: 'id' })).status, 200);
    assert.equal((await subset(grant, { subset__limit: '11', subset__order_by: 'id' })).status, 403);
    assert.equal((await subset(grant, { subset__where: 'id > 3' })).status, 403);
  });

  test('E15: a grant without subsets', async () => {
    const grant = await of('comments');
    assert.equal((await read(grant, gateway)).status, 200);
    assert.equal((await subset(grant, { subset__limit: '1', subset__order_by: 'id' })).status, 403);
  });

  test('E15: patterns that no index can help with', async () => {
    const grant = await of('items');
    for (const where of [`title LIKE '%x'`, `title LIKE '_x'`, `title ILIKE '%x'`])
      assert.equal((await subset(grant, { subset__where: where })).status, 400, where);
    assert.equal((await subset(grant, { subset__where: `title LIKE 'org1%'` })).status, 200);
  });

  test('E9: hidden columns cannot be asked about', async () => {
    const grant = await of('notes');
    for (const more of [{ subset__where: `hidden = 'hidden1'`, subset__limit: '1' }, { subset__order_by: 'hidden', subset__limit: '1' }])
      assert.ok([400, 403].includes((await subset(grant, more)).status), JSON.stringify(more));
  });

  test('E15: more at one time than one caller may have are 429, and others go on', async () => {
    const grant = await of('items');
    const other = await of('items', { org_id: 2, sub: 'other' });
    const locked = await database.session();
    await locked.query('BEGIN');
    await locked.query('LOCK TABLE items IN ACCESS EXCLUSIVE MODE');
    try {
      const ask = (whose) => subset(whose, { subset__limit: '1', subset__order_by: 'id' });
      const running = async (count) =>
        gateway.program.until(`${count} run`, async () => {
          const [{ n }] = await database.query(`SELECT count(*)::int n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`);
          return n >= count;
        });
      const first = [ask(grant), ask(grant)];
      await running(2);
      const third = await ask(grant);
      assert.equal(third.status, 429);
      assert.ok(Number(third.headers.get('retry-after')) >= 1);
      const others = ask(other);
      await running(3);
      await locked.query('COMMIT');
      for (const answer of [...first, others]) assert.equal((await answer).status, 200);
      assert.equal((await ask(grant)).status, 200);
    } finally {
      await locked.close();
    }
  });
});

describe('a storm', () => {
  // Old clients try a refused token again and again without a pause; 429 is what they wait for.
  for (const [where, send] of [
    ['at the gate', (token) => get(`${gateway.url}/v1/shape`, new URLSearchParams({ ...HONEST, offset: '-1' }), { authorization: `Bearer ${token}` })],
    ['at the gatekeeper', async (token) => {
      const answer = await gateway.askGatekeeper('items', { token });
      return { status: answer.status, headers: answer.headers, json: await answer.json() };
    }],
  ])
    test(`of one bad token ${where} is told to come later; others are not`, async () => {
      const good = await gateway.grant({ org_id: 1 });
      const bad = `${base64url({ alg: 'HS256', typ: 'JWT' })}.${base64url({ where })}.${'A'.repeat(43)}`;
      const other = `${base64url({ alg: 'HS256', typ: 'JWT' })}.${base64url({ where, other: true })}.${'A'.repeat(43)}`;
      const statuses = [];
      for (let i = 0; i < 30; i++) {
        const answer = await send(bad);
        statuses.push(answer.status);
        if (answer.status === 429) {
          assert.ok(Number(answer.headers.get('retry-after')) >= 1);
          assert.equal(answer.headers.get('cache-control'), 'no-store');
        }
      }
      const first = statuses.indexOf(429);
      assert.ok(first > 0 && first <= 25, statuses.join());
      assert.deepEqual(new Set(statuses.slice(0, first)), new Set([401]));
      assert.deepEqual(new Set(statuses.slice(first)), new Set([429]));
      assert.equal((await send(other)).status, 401);
      assert.equal((await read(good, gateway)).status, 200);
      assert.equal((await gateway.askGatekeeper('items', { token: gateway.identity({ org_id: 1 }) })).status, 200);
      assert.ok((await gateway.metric('sluice_token_storms_total')) >= 1);
    });
});

test('E14: unknown and forbidden tables are answered alike', async () => {
  const token = gateway.identity({ org_id: 1 });
  const shown = async (table, definition) => {
    const answer = await gateway.askGatekeeper(table, { token, definition });
    return { status: answer.status, body: await answer.text(), names: [...answer.headers.keys()].sort() };
  };
  const forbidden = await shown('secrets');
  assert.equal(forbidden.status, 403);
  assert.doesNotMatch(forbidden.body, /secrets/);
  for (const [table, definition] of [['no_such_table'], ['pg_authid'], ['secrets', { columns: ['no_such_column'] }], ['secrets', { where: 'id = 1' }]])
    assert.deepEqual(await shown(table, definition), forbidden, table);
  // Nor does the shape route tell them apart.
  const grant = await gateway.grant({ org_id: 1 });
  const [secret, unknown] = await Promise.all(['secrets', 'no_such_table'].map((table) => ask({ table }, grant)));
  assert.equal(secret.status, 403);
  assert.equal(secret.text, unknown.text);
});
