// The keys of a real OpenID provider change, are withdrawn, and cannot be had.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Gateway, newSecret, remote } from './support/gateway.js';
import { AUDIENCE, identitySection, newKey, OpenIdProvider } from './support/oidc.js';
import { pause } from './support/program.js';
import { base64url, withLifetime } from './support/tokens.js';
import { Upstream } from './support/upstream.js';

const CLIENTS = { alice: { org_id: 1 } };
const FLOOD = 500;
const AT_ONCE = 50;

let upstream;
before(async () => {
  upstream = await Upstream.start();
});
after(() => upstream?.stop());

// A provider with these keys, a gateway that trusts it, and `statusOf` a token at a named shape.
async function trusting(keys, more = '') {
  const provider = await OpenIdProvider.start({ clients: CLIENTS, keys });
  const gateway = await Gateway.start({ origin: remote(upstream.url, newSecret()), sections: identitySection(provider, { more }) });
  const statusOf = async (token) => {
    const response = await fetch(`${gateway.url}/v1/shapes/items?offset=-1`, { headers: { authorization: `Bearer ${token}` } });
    await response.arrayBuffer();
    return response.status;
  };
  const stop = async () => {
    await gateway.stop();
    await provider.stop();
  };
  return { provider, gateway, statusOf, stop };
}

// A token of the provider's as to everything but its key's name and its signature.
function invented(provider, kid) {
  const claims = withLifetime({ iss: provider.issuer, aud: AUDIENCE, sub: 'mallory', org_id: 1 });
  return `${base64url({ alg: 'RS256', typ: 'at+jwt', kid })}.${base64url(claims)}.${base64url(randomBytes(256))}`;
}

async function retry(condition, limit_ms = 20_000) {
  const deadline = Date.now() + limit_ms;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `not within ${limit_ms} ms`);
    await pause(10);
  }
}

test('a rotation is not noticed by those who ask with fresh tokens; a withdrawn key is refused', async () => {
  const [old, next] = [newKey('RS256', 'old'), newKey('RS256', 'next')];
  const { provider, statusOf, stop } = await trusting([old], 'unknown_key_interval_s = 1');
  const ofOld = await provider.token('alice');
  const seen = [];
  let rotating = true;
  const askers = Array.from({ length: 4 }, async () => {
    while (rotating) seen.push(await statusOf(await provider.token('alice')));
  });
  await retry(() => seen.length > 20);
  assert.equal(provider.fetches, 1);
  provider.use([old, next], next); // published and signing at once: the first such token is what tells of the key
  const before = seen.length;
  await retry(() => seen.length > before + 40);
  assert.equal(provider.fetches, 2);
  assert.equal(await statusOf(ofOld), 200);

  provider.use([next]);
  assert.equal(await statusOf(ofOld), 200, 'kept until the set is fetched again');
  let invention = 0;
  await retry(async () => (await statusOf(invented(provider, `nobody ${invention++}`)), provider.fetches > 2));
  await retry(async () => (await statusOf(ofOld)) === 401, 5_000);
  rotating = false;
  await Promise.all(askers);
  assert.deepEqual(new Set(seen), new Set([200]));
  await stop();
});

test('J27: a flood of tokens with invented keys is one fetch, and good tokens pass meanwhile', async () => {
  const { provider, statusOf, stop } = await trusting([newKey('RS256', 'good')]);
  const good = await provider.token('alice');
  const before = provider.fetches;
  for (let sent = 0; sent < FLOOD; sent += AT_ONCE) {
    const flood = Array.from({ length: AT_ONCE }, () => statusOf(invented(provider, randomBytes(12).toString('hex'))));
    assert.equal(await statusOf(good), 200);
    assert.deepEqual(new Set(await Promise.all(flood)), new Set([401]));
  }
  assert.ok(provider.fetches - before <= 2, `${provider.fetches - before} fetches`);
  assert.ok(provider.fetches > before, 'the first did make it look');
  await stop();
});

test('J27: keys that are known stay good while the provider is away, whatever is asked of it', async () => {
  const soon = 'refresh_min_s = 1\nrefresh_max_s = 1\nunknown_key_interval_s = 1';
  const { provider, gateway, statusOf, stop } = await trusting([newKey('ES256', 'good')], soon);
  const tokens = [await provider.token('alice'), await provider.token('alice'), await provider.token('alice')];
  assert.equal(await statusOf(tokens[0]), 200);
  await provider.stop();
  const failures = () => gateway.program.output.split('\n').filter((line) => line.includes(`"oidc"`) && /fetch|keys/.test(line)).length;
  const before = failures();
  await gateway.program.until('has asked in vain', () => failures() > before);
  assert.equal(await statusOf(invented(provider, 'nobody')), 401);
  assert.equal(await statusOf(tokens[0]), 200);
  assert.equal(await statusOf(tokens[1]), 200, 'one that was never seen');
  assert.equal((await fetch(`${gateway.url}/readyz`)).status, 200);

  await provider.listen(provider.port);
  provider.use([newKey('ES256', 'after')]);
  const fresh = await provider.token('alice');
  await retry(async () => (await statusOf(fresh)) === 200);
  assert.equal(await statusOf(tokens[2]), 401);
  await stop();
});
