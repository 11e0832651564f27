// Grants that somebody else signs, with the guide's claim.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Cluster } from './support/cluster.js';
import { Follower } from './support/follower.js';
import { embedded, Gateway, newSecret } from './support/gateway.js';
import { temporaryFolder } from './support/program.js';
import { rowsOf, SCHEMA, seed } from './support/schema.js';
import { signEdDsa, signHs256, withLifetime } from './support/tokens.js';

const SECRET = newSecret();
const { publicKey, privateKey } = generateKeyPairSync('ed25519');

let cluster;
let database;
let gateway;
before(async () => {
  const publicKeyFile = path.join(temporaryFolder('keys'), 'api.pem');
  writeFileSync(publicKeyFile, publicKey.export({ type: 'spki', format: 'pem' }));
  cluster = await Cluster.start();
  database = await cluster.createDatabase(SCHEMA);
  await seed(database, 100);
  gateway = await Gateway.start({
    origin: embedded(database),
    env: { E2E_API_SECRET: SECRET },
    sections: `
[[gate.issuer]]
name = "api"
alg = "HS256"
secret_env = "E2E_API_SECRET"
issuer = "Joken"
audience = "Joken"

[[gate.issuer]]
name = "edge"
alg = "EdDSA"
public_key_file = "${publicKeyFile}"
`,
  });
});
after(async () => {
  await gateway?.stop();
  await cluster?.stop();
});

// As the gatekeeper example signs: everything of the shape, null where it has nothing.
const shape = { namespace: null, table: 'items', where: "org_id = 1", columns: null };
const apiClaims = (claim) => withLifetime({ iss: 'Joken', aud: 'Joken', shape: claim });

function asking(token, params) {
  return { url: `${gateway.url}/v1/shape`, params, headers: { Authorization: `Bearer ${token}` } };
}

async function statusOf(token, params) {
  const query = new URLSearchParams({ offset: '-1', ...params });
  const response = await fetch(`${gateway.url}/v1/shape?${query}`, { headers: { authorization: `Bearer ${token}` } });
  await response.arrayBuffer();
  return response.status;
}

test('an HMAC issuer', async () => {
  const follower = new Follower(asking(signHs256(SECRET, apiClaims(shape)), { table: 'items', where: 'org_id = 1' }));
  await follower.equals(await rowsOf(database, 1));
  await database.query(`UPDATE items SET title = 'org1 signed elsewhere' WHERE id = 1`);
  await follower.equals(await rowsOf(database, 1));
  follower.stop();
});

test('an Ed25519 issuer, with params and columns', async () => {
  const claim = { table: 'items', where: 'org_id = $1', params: { 1: '1' }, columns: ['title', 'id'] };
  const token = signEdDsa(privateKey, withLifetime({ shape: claim }));
  const params = { table: 'items', where: 'org_id = $1', params: ['1'], columns: ['id', 'title'] };
  const follower = new Follower(asking(token, params));
  await follower.equals(await database.query('SELECT id, title FROM items WHERE org_id = 1 ORDER BY id'));
  follower.stop();
});

test('spellings of one shape are one shape', async () => {
  const token = signHs256(SECRET, apiClaims({ table: 'public.items', where: 'ORG_ID  =1', columns: '"title", id' }));
  assert.equal(await statusOf(token, { table: 'items', where: 'org_id = 1', columns: '"id","title"' }), 200);
  assert.equal(await statusOf(token, { table: 'items', where: 'org_id = 2', columns: '"id","title"' }), 403);
});

test('a grant covers no other shape', async () => {
  const token = signHs256(SECRET, apiClaims(shape));
  assert.equal(await statusOf(token, { table: 'items', where: 'org_id = 1' }), 200);
  assert.equal(await statusOf(token, { table: 'secrets' }), 403);
  assert.equal(await statusOf(token, { table: 'items' }), 403);
  assert.equal(await statusOf(token, { table: 'items', where: 'org_id = 2' }), 403);
});

test('claims that are no shape, and tokens that are for others, are invalid (E7, J36, J37)', async () => {
  const asked = { table: 'items', where: 'org_id = 1' };
  const badClaims = [
    undefined, null, 'items', [], {}, { table: null }, { table: '' }, { table: 7 }, { ...shape, where: 7 },
    { ...shape, params: ['1'] }, { ...shape, columns: [7] }, { ...shape, namespace: '' }, { ...shape, extra: 1 },
  ];
  for (const claim of badClaims)
    assert.equal(await statusOf(signHs256(SECRET, apiClaims(claim)), asked), 401, JSON.stringify(claim));
  const others = [{ iss: 'joken' }, { iss: ['Joken'] }, { iss: undefined }, { aud: 'other' }, { aud: undefined }, { exp: undefined }, { exp: '9999999999' }];
  for (const change of others)
    assert.equal(await statusOf(signHs256(SECRET, { ...apiClaims(shape), ...change }), asked), 401, JSON.stringify(change));
});
