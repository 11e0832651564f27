// Access that is taken back before its time: what is new is refused, what is held is cut, and it is remembered.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Cluster } from './support/cluster.js';
import { Follower } from './support/follower.js';
import { BareOrigin, embedded, Gateway, newSecret, remote } from './support/gateway.js';
import { freePort, temporaryFolder } from './support/program.js';
import { Redis } from './support/redis.js';
import { rowsOf, SCHEMA, seed } from './support/schema.js';
import { get, nextSecond, queryOf, read, untilHeld, Waiting } from './support/shapes.js';
import { now_s, readToken } from './support/tokens.js';

const CUT_WITHIN_MS = 1000; // what docs/revocation.md promises; a poll would be held for 20 s

let cluster;
let database;
let origin; // a remote one
let originSecret;
before(async () => {
  cluster = await Cluster.start();
  database = await cluster.createDatabase(SCHEMA);
  await seed(database, 200);
  originSecret = newSecret();
  origin = await BareOrigin.start(await otherSlot(), { secret: originSecret, port: await freePort() });
});
after(async () => {
  await origin?.stop();
  await cluster?.stop();
});

// The same database with a slot and publication of another name.
async function otherSlot() {
  const session = await database.session();
  session.name += '_bare';
  return session;
}

const grantIdOf = (grant) => readToken(grant.headers.Authorization.slice('Bearer '.length)).claims.jti;

function named(gateway, token) {
  return { url: `${gateway.url}/v1/shapes/items`, query: new URLSearchParams(), headers: { authorization: `Bearer ${token}` } };
}

async function assertCut(waiting, since_ms) {
  const answer = await waiting.ended;
  assert.equal(answer.status, 401, answer.text);
  assert.equal(answer.json.error, 'token_revoked');
  assert.match(answer.headers.get('www-authenticate'), /^Bearer error="invalid_token"/);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.ok(answer.at_ms - since_ms < CUT_WITHIN_MS, `cut after ${answer.at_ms - since_ms} ms`);
}

async function assertEnded(streaming, since_ms) {
  const { at_ms } = await streaming.ended;
  assert.ok(at_ms - since_ms < CUT_WITHIN_MS, `ended after ${at_ms - since_ms} ms`);
}

// A gateway before an embedded origin and one before a remote origin do the same.
const origins = {
  'an embedded origin': () => embedded(database),
  'a remote origin': () => remote(origin.url, originSecret),
};
for (const [name, where] of Object.entries(origins))
  describe(`before ${name}`, () => {
    let gateway;
    before(async () => {
      gateway = await Gateway.start({ origin: where(), sections: `\n[revocation]\nfile = "${path.join(temporaryFolder('revoked'), 'log')}"\n` });
    });
    after(() => gateway?.stop());

    beforeEach(nextSecond); // whatever the test before has revoked

    // Two grants and a login of alice, one grant of bob: each with a poll that is held.
    async function callers() {
      const alice = { org_id: 1, sub: 'alice' };
      const login = gateway.identity(alice);
      const grants = { first: await gateway.grant(alice), second: await gateway.grant(alice), bob: await gateway.grant({ org_id: 1, sub: 'bob' }) };
      const polls = { login: (await Waiting.at(named(gateway, login))).poll() };
      for (const [whose, grant] of Object.entries(grants)) polls[whose] = (await Waiting.of(grant, gateway)).poll();
      await untilHeld(gateway, 4);
      return { login, grants, polls };
    }

    // Held ones are answered with nothing new when something changes that they wait for.
    async function assertStillHeld(...polls) {
      await untilHeld(gateway, polls.length);
      await database.query('UPDATE items SET done = NOT done WHERE id = 1');
      for (const poll of polls) assert.equal((await poll.ended).status, 200);
    }

    async function assertRefused(request) {
      const { status, json } = await request;
      assert.equal(status, 401);
      assert.equal(json.error, 'token_revoked');
    }

    async function assertLoginRefused(login) {
      const answer = await gateway.askGatekeeper('items', { token: login });
      await assertRefused({ status: answer.status, json: await answer.json() });
      await assertRefused(get(`${gateway.url}/v1/shapes/items`, 'offset=-1', { authorization: `Bearer ${login}` }));
    }

    test('one token, by its id', async () => {
      const { login, grants, polls } = await callers();
      const since_ms = performance.now();
      assert.deepEqual((await gateway.revoke({ token_id: grantIdOf(grants.first) })).revoked, 'token_id');
      await assertCut(polls.first, since_ms);
      await assertRefused(read(grants.first, gateway));
      assert.equal((await read(grants.second, gateway)).status, 200);
      assert.equal((await gateway.askGatekeeper('items', { token: login })).status, 200);
      await assertStillHeld(polls.login, polls.second, polls.bob);
    });

    test('J42: a subject: its logins and grants, and nobody else\'s', async () => {
      const { login, grants, polls } = await callers();
      const since_ms = performance.now();
      await gateway.revoke({ subject: 'alice' });
      for (const poll of [polls.first, polls.second, polls.login]) await assertCut(poll, since_ms);
      await assertRefused(read(grants.first, gateway));
      await assertRefused(read(grants.second, gateway));
      await assertLoginRefused(login);
      assert.equal((await read(grants.bob, gateway)).status, 200);
      await assertStillHeld(polls.bob);

      await nextSecond();
      const again = await gateway.grant({ org_id: 1, sub: 'alice' });
      assert.equal((await read(again, gateway)).status, 200);
    });

    test('a subject of one issuer', async () => {
      const { grants, polls } = await callers();
      await gateway.revoke({ subject: 'alice', issuer: 'another' });
      assert.equal((await read(grants.first, gateway)).status, 200);
      const since_ms = performance.now();
      await gateway.revoke({ subject: 'alice', issuer: 'e2e' });
      for (const poll of [polls.first, polls.second, polls.login]) await assertCut(poll, since_ms);
      await assertRefused(read(grants.first, gateway));
      await assertStillHeld(polls.bob);
    });

    test('a subject before a time', async () => {
      const { login, grants, polls } = await callers();
      const { iat } = readToken(login).claims;
      await gateway.revoke({ subject: 'alice', before: iat });
      assert.equal((await read(grants.first, gateway)).status, 200);
      assert.equal((await gateway.askGatekeeper('items', { token: gateway.identity({ org_id: 1, sub: 'alice', iat: iat - 1 }) })).status, 401);
      await assertStillHeld(...Object.values(polls));
    });

    for (const whom of [{ issuer: 'e2e' }, { all: true }])
      test(`everybody by ${Object.keys(whom)[0]}, until they come with newer tokens`, async () => {
        const { login, grants, polls } = await callers();
        const since_ms = performance.now();
        await gateway.revoke(whom);
        for (const poll of Object.values(polls)) await assertCut(poll, since_ms);
        for (const grant of Object.values(grants)) await assertRefused(read(grant, gateway));
        await assertLoginRefused(login);
        await nextSecond();
        assert.equal((await read(await gateway.grant({ org_id: 1, sub: 'alice' }), gateway)).status, 200);
      });

    test('an event stream ends, and its next request says why', async () => {
      const grant = await gateway.grant({ org_id: 1, sub: 'carol' });
      await untilHeld(gateway, 0);
      const streaming = await (await Waiting.of(grant, gateway)).stream();
      await untilHeld(gateway, 1);
      const since_ms = performance.now();
      await gateway.revoke({ subject: 'carol' });
      await assertEnded(streaming, since_ms);
      await assertRefused(read(grant, gateway));
      await untilHeld(gateway, 0);
    });

    for (const liveSse of [false, true])
      test(`the published client asks for a new grant and goes on from where it was${liveSse ? ', with event streams' : ''}`, async () => {
        const claims = { org_id: 1, sub: `dave-${liveSse}` };
        const onError = async ({ status }) => {
          if (status !== 401) return undefined;
          await nextSecond();
          return { headers: (await gateway.grant(claims)).headers };
        };
        const follower = new Follower({ ...(await gateway.grant(claims)), liveSse, onError });
        await follower.upToDate();
        await untilHeld(gateway, 1);
        await gateway.revoke({ subject: claims.sub });
        await follower.until('it was told so', () => follower.errors.length > 0);
        await untilHeld(gateway, 1);
        await database.query(`UPDATE items SET title = title || '.' WHERE id = 2`);
        await follower.equals(await rowsOf(database, 1));
        follower.stop();

        assert.deepEqual(follower.errors.map(({ status, json }) => [status, json.error]), [[401, 'token_revoked']]);
        assert.equal(follower.refetches, 0);
        follower.assertClean();
        const refused = follower.requests.findIndex(({ status }) => status === 401);
        const [told, next] = [follower.requests[refused], follower.requests[refused + 1]];
        for (const key of ['offset', 'handle']) assert.equal(next.url.searchParams.get(key), told.url.searchParams.get(key));
        assert.notEqual(next.url.searchParams.get('offset'), '-1');
      });

    test('who was cut, or went away, says nothing about the origin', async () => {
      const grant = await gateway.grant({ org_id: 1, sub: 'ivan' });
      const waiting = await Waiting.of(grant, gateway);
      const client = new AbortController();
      const gone = fetch(`${waiting.url}?${waiting.query}`, { headers: grant.headers, signal: client.signal });
      waiting.poll();
      await untilHeld(gateway, 2);
      client.abort();
      await assert.rejects(gone);
      await untilHeld(gateway, 1);
      await gateway.revoke({ subject: 'ivan' });
      assert.equal((await waiting.ended).status, 401);
      assert.equal((await get(`${gateway.adminUrl}/readyz`, '', {})).json.origin, 'active');
      assert.doesNotMatch(gateway.program.output, /origin_unreachable/);
    });

    test('a revocation outlives the process', async () => {
      const grant = await gateway.grant({ org_id: 1, sub: 'erin' });
      const kept = await gateway.grant({ org_id: 1, sub: 'frank' });
      await gateway.revoke({ subject: 'erin' });
      await gateway.kill();
      await gateway.launch();
      await assertRefused(read(grant, gateway));
      assert.equal((await read(kept, gateway)).status, 200);
    });
  });

test('what is acknowledged is in the file', async () => {
  const file = path.join(temporaryFolder('revoked'), 'log');
  const gateway = await Gateway.start({ origin: remote(origin.url, originSecret), sections: `\n[revocation]\nfile = "${file}"\n` });
  await gateway.revoke({ subject: 'alice', issuer: 'e2e' });
  assert.match(readFileSync(file, 'utf8'), /^sluice-revocations 1\n[0-9a-f]{8} \{"kind":"subject","value":"alice","issuer":"e2e",.*\}\n$/);
  await gateway.stop();
});

describe('two gateways with one Redis', () => {
  let redis;
  let first;
  let second;
  before(async () => {
    redis = await Redis.start();
    const options = {
      origin: remote(origin.url, originSecret),
      env: { E2E_REDIS_URL: redis.url },
      sections: '\n[revocation]\nredis_url_env = "E2E_REDIS_URL"\n',
    };
    first = await Gateway.start(options);
    second = await Gateway.start({ ...options, beside: first });
  });
  after(async () => {
    await first?.stop();
    await second?.stop();
    await redis?.stop();
  });

  const ready = async (gateway) => get(`${gateway.adminUrl}/readyz`, '', {});
  const refusedAt = async (gateway, grant) => (await read(grant, gateway)).json.error === 'token_revoked';

  async function untilConnected(connected) {
    for (const gateway of [first, second])
      await gateway.program.until(`connected: ${connected}`, async () => (await ready(gateway)).status === (connected ? 200 : 503));
  }

  test('what one revokes the other cuts', async () => {
    const alice = await first.grant({ org_id: 1, sub: 'alice' });
    const bob = await first.grant({ org_id: 1, sub: 'bob' });
    const polls = [(await Waiting.of(alice, first)).poll(), (await Waiting.of(alice, second)).poll()];
    const streaming = await (await Waiting.of(alice, second)).stream();
    const other = (await Waiting.of(bob, second)).poll();
    await untilHeld(first, 1);
    await untilHeld(second, 3);
    const since_ms = performance.now();
    await first.revoke({ token_id: grantIdOf(alice) });
    for (const poll of polls) await assertCut(poll, since_ms);
    await assertEnded(streaming, since_ms);
    await untilHeld(second, 1);
    await second.revoke({ subject: 'bob' });
    await assertCut(other, performance.now());
  });

  test('without Redis both keep what they know, say so, and refuse to revoke', async () => {
    const known = await first.grant({ org_id: 1, sub: 'carol' });
    const other = await first.grant({ org_id: 1, sub: 'dave' });
    await first.revoke({ subject: 'carol' });
    await second.program.until('it knows', () => refusedAt(second, known));
    await redis.kill();
    await untilConnected(false);
    for (const gateway of [first, second]) {
      assert.ok(await refusedAt(gateway, known));
      assert.equal((await read(other, gateway)).status, 200);
      assert.deepEqual((await ready(gateway)).json, { status: 'unavailable', origin: 'active', keys: 'ready', revocations: 'disconnected' });
      assert.equal(await gateway.metric('sluice_revocations_connected'), 0);
      const refused = await gateway.admin('revoke', { subject: 'dave' });
      assert.equal(refused.status, 503);
      assert.equal((await refused.json()).error, 'not_revoked');
    }

    await redis.launch();
    await untilConnected(true);
    assert.equal(await first.metric('sluice_revocations_connected'), 1);
    const held = (await Waiting.of(await second.grant({ org_id: 1, sub: 'erin' }), second)).poll();
    await untilHeld(second, 1);
    const since_ms = performance.now();
    await first.revoke({ subject: 'erin' });
    await assertCut(held, since_ms);
  });

  test('who could not hear it catches up', async () => {
    const grant = await first.grant({ org_id: 1, sub: 'frank' });
    const held = (await Waiting.of(grant, second)).poll();
    await untilHeld(second, 1);
    second.program.signal('SIGSTOP');
    await first.revoke({ subject: 'frank' });
    await redis.kill();
    await redis.launch();
    second.program.signal('SIGCONT');
    const answer = await held.ended;
    assert.equal(answer.status, 401);
    assert.equal(answer.json.error, 'token_revoked');
    await untilConnected(true);
  });

  test('who starts anew learns what was revoked before', async () => {
    const grant = await first.grant({ org_id: 1, sub: 'grace' });
    await first.revoke({ subject: 'grace' });
    await second.kill();
    await second.launch();
    assert.ok(await refusedAt(second, grant));
  });
});

describe('the operator\'s calls', () => {
  let gateway;
  before(async () => {
    gateway = await Gateway.start({ origin: remote(origin.url, originSecret) });
  });
  after(() => gateway?.stop());

  test('want their own credential', async () => {
    const token = gateway.identity({ org_id: 1 });
    const { headers } = await gateway.grant({ org_id: 1 });
    const wrong = { none: {}, short: { authorization: 'Bearer x' }, 'almost it': { authorization: `Bearer ${gateway.secrets.admin.slice(0, -1)}` } };
    Object.assign(wrong, { 'a login': { authorization: `Bearer ${token}` }, 'a grant': headers, basic: { authorization: `Basic ${gateway.secrets.admin}` } });
    for (const [what, fields] of Object.entries(wrong))
      for (const [call, body] of [['revoke', { all: true }], ['explain', { shape: 'table=items' }], ['policy', undefined]]) {
        const answer = await gateway.admin(call, body, fields);
        assert.equal(answer.status, 401, `${call} with ${what}`);
        assert.match(answer.headers.get('www-authenticate'), /^Bearer/);
      }
    assert.equal(await gateway.metric('sluice_revocations'), 0);
  });

  const bad = {
    tokenid: { tokenid: 'x' },
    subject: { subject: 7 },
    issuer: { issuer: '' },
    all: { all: false },
    before: { subject: 'alice', before: 'now' },
    body: {},
  };
  for (const [member, body] of Object.entries(bad))
    test(`name the member at fault: ${JSON.stringify(body)}`, async () => {
      const answer = await gateway.admin('revoke', body);
      assert.equal(answer.status, 400);
      assert.equal((await answer.json()).parameter, member);
    });

  test('take one kind, and no time to come', async () => {
    for (const body of [{ subject: 'alice', token_id: 'x' }, { all: true, issuer: 'e2e' }, { all: true, before: now_s() + 3600 }, { token_id: 'x', before: 1 }])
      assert.equal((await gateway.admin('revoke', body)).status, 400, JSON.stringify(body));
    assert.equal(await gateway.metric('sluice_revocations'), 0);
  });

  test('are made with the right method, and not where end users reach', async () => {
    assert.equal((await gateway.admin('revoke')).status, 405);
    assert.equal((await gateway.admin('policy', {})).status, 405);
    const headers = { authorization: `Bearer ${gateway.secrets.admin}` };
    for (const call of ['revoke', 'explain', 'policy'])
      assert.equal((await fetch(`${gateway.url}/admin/${call}`, { method: 'POST', headers, body: '{"all":true}' })).status, 404);
  });

  test('are not there without a credential configured', async () => {
    const without = await Gateway.start({ origin: remote(origin.url, originSecret), admin: '' });
    for (const [call, body] of [['revoke', { all: true }], ['explain', { shape: 'table=items' }], ['policy', undefined]])
      for (const fields of [{}, undefined]) assert.equal((await without.admin(call, body, fields)).status, 404);
    await without.stop();
  });
});
