// Tokens of a real OpenID provider, whose keys are found by discovery.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { Cluster } from './support/cluster.js';
import { Follower } from './support/follower.js';
import { embedded, Gateway, newSecret, remote } from './support/gateway.js';
import { AUDIENCE, GRANT_AUDIENCE, identitySection, newKey, OpenIdProvider } from './support/oidc.js';
import { freePort } from './support/program.js';
import { rowsOf, SCHEMA, seed } from './support/schema.js';
import { base64url, readToken } from './support/tokens.js';
import { Upstream } from './support/upstream.js';

const SHAPE = { table: 'items', where: 'org_id = $1', params: { 1: '2' } };
const CLIENTS = { alice: { org_id: 1 }, bob: { org_id: 2 }, api: { shape: SHAPE } };

let provider;
let cluster;
let database;
let gateway;
before(async () => {
  provider = await OpenIdProvider.start({ clients: CLIENTS, keys: [newKey('RS256', 'rsa'), newKey('ES256', 'ec')] });
  cluster = await Cluster.start();
  database = await cluster.createDatabase(SCHEMA);
  await seed(database, 100);
  const sections = identitySection(provider) + identitySection(provider, { table: 'gate.issuer' });
  gateway = await Gateway.start({ origin: embedded(database), sections });
});
after(async () => {
  await gateway?.stop();
  await cluster?.stop();
  await provider?.stop();
});

async function answer(response) {
  return { status: response.status, ...(await response.json()) };
}

const bearer = (token) => ({ Authorization: `Bearer ${token}` });
const named = async (token) => answer(await fetch(`${gateway.url}/v1/shapes/items?offset=-1`, { headers: bearer(token) }));
const asked = async (token) => answer(await gateway.askGatekeeper('items', { token }));

async function refusedEverywhere(token, code = 'token_invalid') {
  for (const ask of [named, asked]) {
    const { status, error } = await ask(token);
    assert.deepEqual({ status, error }, { status: 401, error: code });
  }
}

async function followsRows(options, org) {
  const follower = new Follower(options);
  await follower.equals(await rowsOf(database, org));
  follower.stop();
}

for (const alg of ['RS256', 'ES256'])
  test(`an access token signed by ${alg} reads its own rows, granted and by name`, async () => {
    const keys = [newKey('RS256', `rsa for ${alg}`), newKey('ES256', `ec for ${alg}`)];
    const other = await OpenIdProvider.start({ clients: CLIENTS, keys });
    other.use(keys, keys.find((key) => key.alg === alg));
    const its = await Gateway.start({ origin: embedded(await otherSlot(alg)), sections: identitySection(other) });
    const token = await other.token('bob');
    assert.equal(readToken(token).header.alg, alg);
    const granted = await its.askGatekeeper('items', { token });
    assert.equal(granted.status, 200);
    await followsRows(await granted.json(), 2);
    await followsRows({ url: `${its.url}/v1/shapes/items`, headers: bearer(token) }, 2);
    assert.deepEqual(new Set(other.requests), new Set(['/.well-known/openid-configuration', '/jwks', '/token']));
    await its.stop();
    await other.stop();
  });

// The same database by another slot, for a gateway beside the first.
async function otherSlot(name) {
  const session = await database.session();
  session.name = `${database.name}_${name.toLowerCase()}`;
  return session;
}

test('the provider may also sign grants, each for the shape in it alone', async () => {
  const headers = bearer(await provider.token('api', GRANT_AUDIENCE));
  await followsRows({ url: `${gateway.url}/v1/shape`, params: { ...SHAPE, params: ['2'] }, headers }, 2);
  const other = new URLSearchParams({ table: 'items', where: 'org_id = $1', 'params[1]': '1', offset: '-1' });
  assert.equal((await fetch(`${gateway.url}/v1/shape?${other}`, { headers })).status, 403);
  const noGrant = bearer(await provider.token('alice', GRANT_AUDIENCE));
  assert.equal((await fetch(`${gateway.url}/v1/shape?${other}`, { headers: noGrant })).status, 401);
});

test('J37: of one provider, what is for logging in is no grant, and a grant is no login', async () => {
  const shape = new URLSearchParams({ ...SHAPE, 'params[1]': '2', offset: '-1' });
  const login = bearer(await provider.token('api'));
  assert.equal((await fetch(`${gateway.url}/v1/shape?${shape}`, { headers: login })).status, 401);
  await refusedEverywhere(await provider.token('api', GRANT_AUDIENCE));
});

test('J37: a token for another audience is refused', async () => {
  await refusedEverywhere(await provider.token('alice', 'https://elsewhere.example'));
  assert.equal((await asked(await provider.token('alice', AUDIENCE))).status, 200);
});

test('J38: a token of another provider is refused, also with a key of the same name', async () => {
  const other = await OpenIdProvider.start({ clients: CLIENTS, keys: [newKey('RS256', 'rsa')] });
  await refusedEverywhere(await other.token('alice'));
  await other.stop();
});

test('a token whose claims were changed is refused', async () => {
  const [header, , signature] = (await provider.token('alice')).split('.');
  const { claims } = readToken(await provider.token('alice'));
  await refusedEverywhere(`${header}.${base64url({ ...claims, org_id: 2 })}.${signature}`);
});

test('J25: a token that says where its key is, or brings it, is refused, and nobody is asked for it', async () => {
  let asked = 0;
  const canary = http.createServer((_, response) => {
    asked++;
    response.end('{"keys":[]}');
  });
  await new Promise((resolve) => canary.listen(0, '127.0.0.1', resolve));
  canary.unref();
  const url = `http://127.0.0.1:${canary.address().port}/keys`;
  const token = await provider.token('alice');
  const { header } = readToken(token);
  const { kty, n, e } = newKey('RS256', 'mine');
  const fetches = provider.fetches;
  for (const kid of ['rsa', 'nobody knows'])
    for (const change of [{ jku: url }, { x5u: url }, { jwk: { kty, n, e } }, { x5c: ['MIIB'] }]) {
      const [, ...rest] = token.split('.');
      await refusedEverywhere([base64url({ ...header, kid, ...change }), ...rest].join('.'));
    }
  assert.equal(asked, 0);
  assert.equal(provider.fetches, fetches);
  canary.close();
});

test('identities stay apart: the provider cannot speak for another issuer, nor another for it', async () => {
  assert.equal((await asked(gateway.identity({ org_id: 1 }))).status, 200);
  await refusedEverywhere(gateway.identity({ org_id: 1, iss: provider.issuer, aud: AUDIENCE }));
});

test('a stream that asks for a token with each request goes on through a rotation', async () => {
  const [first, second] = [newKey('RS256', 'first'), newKey('ES256', 'second')];
  const rotating = await OpenIdProvider.start({ clients: CLIENTS, keys: [first] });
  const its = await Gateway.start({ origin: embedded(await otherSlot('rotating')), sections: identitySection(rotating) });
  const headers = { Authorization: async () => `Bearer ${await rotating.token('alice')}` };
  const followers = [false, true].map((liveSse) => new Follower({ url: `${its.url}/v1/shapes/items`, headers, liveSse }));
  for (const follower of followers) await follower.equals(await rowsOf(database, 1));
  rotating.use([first, second], second);
  for (const org of [1, 2, 1]) {
    await database.query(`UPDATE items SET note = concat('org', org_id, ' ', $2::text) WHERE org_id = $1`, [org, new Date().toISOString()]);
    for (const follower of followers) await follower.equals(await rowsOf(database, 1));
  }
  for (const follower of followers) {
    assert.deepEqual(follower.errors, []);
    assert.deepEqual(new Set(follower.requests.map(({ status }) => status ?? 200)), new Set([200]));
    follower.assertClean();
    follower.stop();
  }
  await its.stop();
  await rotating.stop();
});

test('ready only once the provider has given its keys', async () => {
  const keys = [newKey('ES256', 'late')];
  const port = await freePort();
  const upstream = await Upstream.start();
  const late = new OpenIdProvider(CLIENTS);
  const waiting = await Gateway.start({
    origin: remote(upstream.url, newSecret()),
    sections: identitySection({ issuer: `http://127.0.0.1:${port}` }),
    until: '/healthz',
  });
  assert.equal((await fetch(`${waiting.url}/readyz`)).status, 503);
  await late.listen(port);
  late.use(keys);
  await waiting.program.until('has keys', async () => (await fetch(`${waiting.url}/readyz`)).status === 200);
  const granted = await waiting.askGatekeeper('items', { token: await late.token('alice') });
  assert.equal(granted.status, 200);
  await waiting.stop();
  await late.stop();
  await upstream.stop();
});
