// A table of members on a real Postgres decides: the SQL authorizer.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Cluster } from './support/cluster.js';
import { Follower } from './support/follower.js';
import { embedded, Gateway } from './support/gateway.js';
import { rowsOf, SCHEMA, seed } from './support/schema.js';

const MEMBERS = `
CREATE TABLE members (user_id text NOT NULL, org_id int8 NOT NULL);
INSERT INTO members VALUES ('alice', 1), ('bob', 2);
CREATE ROLE sluice_members LOGIN;
GRANT SELECT (user_id, org_id) ON members TO sluice_members;
`;

let cluster;
let database; // the rows
let members; // who may read them
let gateway;
before(async () => {
  cluster = await Cluster.start();
  database = await cluster.createDatabase(SCHEMA);
  members = await cluster.createDatabase(MEMBERS);
  await seed(database, 100);
  gateway = await Gateway.start({
    origin: embedded(database),
    env: { MEMBERS_DATABASE_URL: members.url.replace('postgres@', 'sluice_members@') },
    rules: `
[[authorizer]]
name = "db"
kind = "sql"
database_url_env = "MEMBERS_DATABASE_URL"

[[authorizer.rule]]
table = "items"
where = "org_id = $1"
params = ["{params.1::int8}"]
query = "SELECT EXISTS (SELECT FROM members WHERE user_id = $1 AND org_id = $2::int8)"
query_params = ["{sub}", "{params.1}"]

[[authorizer.rule]]
table = "secrets"
query = "SELECT true FROM members WHERE user_id = $1"
query_params = ["{claims.alias}"]

[[shape]]
name = "items"
table = "items"
where = "org_id = $1"
params = ["{query.org::int8}"]
authorize = ["db"]
`,
  });
});
after(async () => {
  await gateway?.stop();
  await cluster?.stop();
});

const bearer = (sub) => ({ Authorization: `Bearer ${gateway.identity({ sub })}` });

const waysIn = {
  'the gatekeeper': (sub, org) =>
    gateway.askGatekeeper('items', { token: gateway.identity({ sub }), definition: { where: 'org_id = $1', params: { 1: org } } }),
  'a named shape': (sub, org) =>
    fetch(`${gateway.url}/v1/shapes/items?${new URLSearchParams({ org, offset: '-1' })}`, { headers: bearer(sub) }),
};

for (const [name, way] of Object.entries(waysIn))
  describe(`at ${name}`, () => {
    const ask = async (sub, org) => {
      const response = await way(sub, org);
      const text = await response.text();
      if (response.status !== 200) assert.doesNotMatch(text, /item \d/);
      return response.status;
    };

    test('a member is allowed, nobody else', async () => {
      assert.equal(await ask('alice', '1'), 200);
      assert.equal(await ask('bob', '2'), 200);
      assert.equal(await ask('alice', '2'), 403);
      assert.equal(await ask('nobody', '1'), 403);
    });
    test('a row that is deleted counts from the next request on', async () => {
      await members.query(`INSERT INTO members VALUES ('carol', 1)`);
      assert.equal(await ask('carol', '1'), 200);
      await members.query(`DELETE FROM members WHERE user_id = 'carol'`);
      assert.equal(await ask('carol', '1'), 403);
    });
    test('E8: what a token says stays a value', async () => {
      const subjects = ["x' OR true --", "' OR ''='", 'alice\' --', "x'); DELETE FROM members; --", '$1', 'alice\\', '$$ OR true $$'];
      for (const sub of subjects) assert.equal(await ask(sub, '1'), 403, sub);
      assert.equal((await members.query('SELECT count(*)::int AS n FROM members'))[0].n, 2);
      await members.query('INSERT INTO members VALUES ($1, 1)', [subjects[0]]);
      assert.equal(await ask(subjects[0], '1'), 200, 'the same text as a member');
      await members.query('DELETE FROM members WHERE user_id = $1', [subjects[0]]);
    });
    test('E8: what a client says stays a value of its type', async () => {
      for (const org of ['1 OR true', "1'::int8 OR true --", '2) OR (1=1', '1e0', ' 2', '1; DELETE FROM members', '99999999999999999999'])
        assert.ok([400, 403].includes(await ask('alice', org)), org);
    });
    test('a database that fails the question is 503, never rows', async () => {
      await members.query('ALTER TABLE members RENAME TO members_away');
      assert.equal(await ask('alice', '1'), 503);
      await members.query('ALTER TABLE members_away RENAME TO members');
      assert.equal(await ask('alice', '1'), 200);
    });
    test('a database that gives no answer in time is 503', async () => {
      const locking = await members.session();
      await locking.query('BEGIN');
      await locking.query('LOCK TABLE members IN ACCESS EXCLUSIVE MODE');
      assert.equal(await ask('alice', '1'), 503);
      await locking.query('ROLLBACK');
      await locking.close();
      assert.equal(await ask('alice', '1'), 200);
    });
    test('sessions that the database ends are made anew', async () => {
      assert.equal(await ask('alice', '1'), 200);
      await members.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sluice_members'`);
      const statuses = [];
      while (statuses.at(-1) !== 200 && statuses.length < 20) statuses.push(await ask('alice', '1'));
      assert.equal(statuses.at(-1), 200);
      assert.equal(await ask('alice', '2'), 403);
    });
  });

test('rows of the member\'s organisation, and no others', async () => {
  const follower = new Follower({ url: `${gateway.url}/v1/shapes/items`, params: { org: '2' }, headers: bearer('bob') });
  await follower.equals(await rowsOf(database, 2));
  follower.stop();
});

test('no row is no; two rows are no answer', async () => {
  const ask = async (alias) => (await gateway.askGatekeeper('secrets', { token: gateway.identity({ sub: 'alice', alias }) })).status;
  assert.equal(await ask('nobody'), 403);
  assert.equal(await ask(undefined), 403);
  assert.equal(await ask('alice'), 200);
  await members.query(`INSERT INTO members VALUES ('alice', 7)`);
  assert.equal(await ask('alice'), 503);
  await members.query(`DELETE FROM members WHERE org_id = 7`);
});

// Asked all along: a member is refused or allowed, somebody else never allowed.
async function untilAllowedAgain() {
  const ask = async (way, sub, expected) => {
    const response = await way(sub, '1');
    const text = await response.text();
    assert.ok(expected.includes(response.status), `${response.status} ${text}`);
    return response.status;
  };
  for (const way of Object.values(waysIn)) {
    do await ask(way, 'nobody', [403, 503]);
    while ((await ask(way, 'alice', [200, 503])) !== 200);
    await ask(way, 'nobody', [403]);
  }
}

async function assertUndecided(way, sub) {
  const response = await way(sub, '1');
  const text = await response.text();
  assert.equal(response.status, 503, text);
  assert.match(text, /authorizer_unavailable/);
  assert.ok(Number(response.headers.get('retry-after')) >= 1);
}

function assertAllUndecided() {
  const asked = Object.values(waysIn).flatMap((way) => ['alice', 'nobody'].map((sub) => assertUndecided(way, sub)));
  return Promise.all(asked);
}

// The last: sessions of the tests are gone then.
test('its Postgres stopped, or not answering: 503 for everybody, and as before once it is back', async () => {
  await cluster.stop('SIGINT');
  await assertAllUndecided();
  await cluster.launch();
  await untilAllowedAgain();

  const session = await members.session();
  cluster.server.signal('SIGSTOP'); // takes connections, and nobody speaks on them
  await session.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sluice_members'`);
  await assertAllUndecided();
  cluster.server.signal('SIGCONT');
  await untilAllowedAgain();
  await session.close();
});
