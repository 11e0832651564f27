// Rules: conditions over claims, bans, anonymous callers; and authorizers one after the other.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Callback } from './support/callback.js';
import { Gateway, newSecret, remote } from './support/gateway.js';
import { Upstream } from './support/upstream.js';

const RULES = `
[[rule]]
name = "members"
table = "items"
where = "org_id = $1"
params = ["{claims.org_id::int8}"]
when = "role IN ('member', 'admin') AND email_verified"

[[rule]]
name = "admins"
table = "reports"
where = "org_id = $1"
params = ["{claims.org_id::int8}"]
when = "'admin' = ANY(roles)"

[[rule]]
name = "nobody under a ban"
table = "items"
deny = true
when = "banned"

[[rule]]
name = "anybody"
table = "posts"
where = "published"
anonymous = true

[[rule]]
name = "a plan, a score and a date"
table = "plans"
when = "org.plan = 'pro' AND score > 0.5 AND since::date < '2026-06-01' AND \\"https://a.com/tier\\" LIKE 'gold%'"

[[shape]]
name = "items"
table = "items"
where = "org_id = $1"
params = ["{claims.org_id::int8}"]
authorize = ["rules"]

[[shape]]
name = "posts"
table = "posts"
where = "published"
authorize = ["rules"]
`;

let upstream;
before(async () => {
  upstream = await Upstream.start();
});
after(() => upstream?.stop());

const start = (options) => Gateway.start({ origin: remote(upstream.url, newSecret()), ...options });

describe('rules alone', () => {
  let gateway;
  before(async () => {
    gateway = await start({ rules: RULES });
  });
  after(() => gateway?.stop());

  const member = { org_id: 1, role: 'member', email_verified: true };
  const STRANGE = ['reader","admin', 'x",admin,"y', '{admin}', 'admin"', '\\",admin'];
  const plan = { org: { plan: 'pro' }, score: 0.75, since: '2026-01-31', 'https://a.com/tier': 'gold card' };

  async function minted(table, claims) {
    const response = await gateway.askGatekeeper(table, { token: claims && gateway.identity(claims) });
    await response.arrayBuffer();
    return response.status;
  }

  async function named(name, claims) {
    const headers = claims && { authorization: `Bearer ${gateway.identity(claims)}` };
    const response = await fetch(`${gateway.url}/v1/shapes/${name}?offset=-1`, { headers });
    await response.arrayBuffer();
    return response.status;
  }

  const cases = [
    ['a member', 'items', member, 200],
    ['an admin', 'items', { ...member, role: 'admin' }, 200],
    ['another role', 'items', { ...member, role: 'guest' }, 403],
    ['a role that begins alike', 'items', { ...member, role: 'members' }, 403],
    ['no role', 'items', { ...member, role: undefined }, 403],
    ['a role that is null', 'items', { ...member, role: null }, 403],
    ['a list of roles where one is expected', 'items', { ...member, role: ['member'] }, 403],
    ['an e-mail that is not verified', 'items', { ...member, email_verified: false }, 403],
    ['a boolean as text, read as Postgres reads it', 'items', { ...member, email_verified: 'true' }, 200],
    ['text that is no boolean', 'items', { ...member, email_verified: 'perhaps' }, 403],
    ['a number where a boolean is expected', 'items', { ...member, email_verified: 1 }, 403],
    ['an organisation that is no number', 'items', { ...member, org_id: 'one' }, 403],
    ['no ban', 'items', { ...member, banned: false }, 200],
    ['a ban', 'items', { ...member, banned: true }, 403],
    ['a ban of another type counts', 'items', { ...member, banned: ['until Friday'] }, 403],
    ['a list that holds the word', 'reports', { org_id: 1, roles: ['reader', 'admin'] }, 200],
    ['a list that does not', 'reports', { org_id: 1, roles: ['reader', 'administrator'] }, 403],
    ['an empty list', 'reports', { org_id: 1, roles: [] }, 403],
    ['text where a list is expected', 'reports', { org_id: 1, roles: 'admin' }, 403],
    ['a list of something else', 'reports', { org_id: 1, roles: [{ name: 'admin' }] }, 403],
    ['words that would end their element (E8)', 'reports', { org_id: 1, roles: STRANGE }, 403],
    ['the word among strange ones', 'reports', { org_id: 1, roles: ['NULL', '{}', '\\', '"', 'admin', null] }, 200],
    ['no list', 'reports', { org_id: 1 }, 403],
    ['paths, numbers, dates, patterns and quoted names', 'plans', plan, 200],
    ['another plan', 'plans', { ...plan, org: { plan: 'free' } }, 403],
    ['a claim whose name looks like the path', 'plans', { ...plan, org: undefined, 'org.plan': 'pro' }, 403],
    ['a lower score', 'plans', { ...plan, score: 0.5 }, 403],
    ['a later date', 'plans', { ...plan, since: '2026-06-01' }, 403],
    ['a date that is none', 'plans', { ...plan, since: 'long ago' }, 403],
    ['another tier', 'plans', { ...plan, 'https://a.com/tier': 'silver' }, 403],
    ['text that would be a condition', 'items', { ...member, role: `x' OR 'member' = 'member` }, 403],
  ];
  for (const [what, table, claims, status] of cases)
    test(`${table}: ${what}: ${status}`, async () => {
      assert.equal(await minted(table, claims), status);
      if (table === 'items') assert.equal(await named('items', claims), status);
    });

  test('anonymous callers are let in where a rule says so, and nowhere else', async () => {
    assert.equal(await minted('posts'), 200);
    assert.equal(await named('posts'), 200);
    for (const table of ['items', 'reports', 'plans', 'secrets']) assert.equal(await minted(table), 401, table);
    assert.equal(await named('items'), 401);
  });
  test('J38: a bad credential is not anonymous', async () => {
    const headers = { authorization: 'Bearer a.bad.token' };
    assert.equal((await gateway.askGatekeeper('posts', { headers })).status, 401);
    assert.equal((await fetch(`${gateway.url}/v1/shapes/posts?offset=-1`, { headers })).status, 401);
    assert.equal(await minted('posts', { exp: 1_700_000_000, iat: 1_699_999_000 }), 401);
  });
  test('what no rule names is forbidden to all', async () => assert.equal(await minted('secrets', member), 403));
});

describe('one after the other', () => {
  const RULE = '\n[[rule]]\ntable = "items"\nwhere = "org_id = $1"\nparams = ["{claims.org_id::int8}"]\nwhen = "role = \'member\'"\n';
  const BAN = '\n[[rule]]\ntable = "items"\ndeny = true\nwhen = "banned"\n';
  const NARROWER = { table: 'items', where: 'org_id = $1 AND done', params: { 1: '1' } };
  const member = { org_id: 1, role: 'member' };
  const guest = { org_id: 1, role: 'guest' };

  let callback;
  const gateways = {};
  before(async () => {
    callback = await Callback.start();
    for (const mode of ['first', 'all']) {
      const authorize = `\n[authorize]\nmode = "${mode}"\nuse = ["rules", "api"]\n`;
      const named = '\n[[shape]]\nname = "items"\ntable = "items"\nwhere = "org_id = $1"\nparams = ["{claims.org_id::int8}"]\nauthorize = true\n';
      gateways[mode] = await start({ env: callback.env, rules: authorize + RULE + BAN + named + callback.section('api', 'timeout_ms = 700') });
    }
  });
  after(async () => {
    for (const gateway of Object.values(gateways)) await gateway.stop();
    await callback?.stop();
  });
  beforeEach(() => (callback.questions.length = 0));

  // The status at both ways in, which must be one, and the granted where clause.
  async function ask(mode, claims, answer) {
    const gateway = gateways[mode];
    callback.answer = () => answer;
    const token = gateway.identity(claims);
    const minted = await gateway.askGatekeeper('items', { token, definition: { where: 'org_id = $1', params: { 1: '1' } } });
    const { where } = await minted.json();
    const named = await fetch(`${gateway.url}/v1/shapes/items?offset=-1`, { headers: { authorization: `Bearer ${token}` } });
    await named.arrayBuffer();
    assert.equal(named.status, minted.status);
    return { status: minted.status, where };
  }

  const silent = (response) => response.destroy();

  test('first: a rule that allows decides; the API is not asked', async () => {
    assert.equal((await ask('first', member, { allow: false })).status, 200);
    assert.equal(callback.questions.length, 0);
  });
  test('first: where no rule has something to say the API decides', async () => {
    assert.equal((await ask('first', guest, { allow: true })).status, 200);
    assert.equal((await ask('first', guest, { allow: false })).status, 403);
    assert.equal((await ask('first', guest, { abstain: true })).status, 403);
    assert.equal((await ask('first', guest, silent)).status, 503);
    assert.ok(callback.questions.length >= 6);
  });
  test('first: a ban is not undone by who comes after', async () => {
    for (const claims of [member, guest]) assert.equal((await ask('first', { ...claims, banned: true }, { allow: true })).status, 403);
    assert.equal(callback.questions.length, 0);
  });

  test('all: each must allow', async () => {
    assert.equal((await ask('all', member, { allow: true })).status, 200);
    assert.equal((await ask('all', member, { allow: false })).status, 403);
    assert.equal((await ask('all', member, { abstain: true })).status, 403);
    assert.equal((await ask('all', member, silent)).status, 503);
    assert.equal((await ask('all', guest, { allow: true })).status, 403);
    assert.equal((await ask('all', { ...member, banned: true }, { allow: true })).status, 403);
  });
  test('all: what is granted is what the last has left', async () => {
    const { status, where } = await ask('all', member, { allow: true, shape: NARROWER });
    assert.equal(status, 200);
    assert.match(where, /done/);
  });
  test('all: the second is asked about what the first has granted, and cannot widen it', async () => {
    const gateway = gateways.all;
    callback.answer = () => ({ allow: true });
    const token = gateway.identity(member);
    assert.equal((await gateway.askGatekeeper('items', { token })).status, 200);
    assert.equal(callback.questions.at(-1).shape.where, 'org_id = $1');
    assert.deepEqual(callback.questions.at(-1).shape.params, { 1: '1' });
    callback.answer = () => ({ allow: true, shape: { table: 'items' } });
    assert.equal((await gateway.askGatekeeper('items', { token })).status, 503);
  });
});
