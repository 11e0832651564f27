// What browsers and caches are told.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ALLOWED_ORIGIN, Gateway, newSecret, remote } from './support/gateway.js';
import { Upstream } from './support/upstream.js';

let upstream;
let gateway;
before(async () => {
  upstream = await Upstream.start();
  gateway = await Gateway.start({
    origin: remote(upstream.url, newSecret()),
    sections: '\n[[shape]]\nname = "public"\ntable = "public_items"\npublic = true\n',
  });
});
after(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

// Of the protocol (MissingHeadersError otherwise), and what a client shows of a failed request.
const EXPOSED = [
  'electric-cursor', 'electric-handle', 'electric-has-data', 'electric-offset', 'electric-schema', 'electric-snapshot',
  'electric-up-to-date', 'electric-internal-known-error', 'retry-after', 'etag', 'x-request-id',
];

function list(value) {
  return (value ?? '').split(',').map((item) => item.trim().toLowerCase()).filter(Boolean);
}

async function get(path, { origin = ALLOWED_ORIGIN, ...init } = {}) {
  const response = await fetch(gateway.url + path, { ...init, headers: { ...(origin && { origin }), ...init.headers } });
  await response.arrayBuffer();
  return response;
}

const named = () => ['/v1/shapes/items?offset=-1', { headers: { authorization: `Bearer ${gateway.identity({ org_id: 1 })}` } }];

test('a preflight of each route is answered here', async () => {
  for (const path of ['/v1/shape', '/proxy/v1/shape', '/v1/shapes/items', '/gatekeeper/items']) {
    const response = await get(path, {
      method: 'OPTIONS',
      headers: { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' },
    });
    assert.equal(response.status, 204);
    assert.equal(response.headers.get('access-control-allow-origin'), ALLOWED_ORIGIN);
    for (const method of ['get', 'post']) assert.ok(list(response.headers.get('access-control-allow-methods')).includes(method));
    for (const name of ['authorization', 'content-type', 'if-none-match'])
      assert.ok(list(response.headers.get('access-control-allow-headers')).includes(name), name);
    assert.ok(list(response.headers.get('vary')).includes('origin'));
  }
  assert.equal(upstream.requests.length, 0);
});

test('a preflight from elsewhere is given nothing', async () => {
  for (const origin of ['https://elsewhere.example', `${ALLOWED_ORIGIN}.elsewhere.example`, 'null', ALLOWED_ORIGIN.toUpperCase()]) {
    const response = await get('/v1/shape', { origin, method: 'OPTIONS', headers: { 'access-control-request-method': 'GET' } });
    assert.equal(response.headers.get('access-control-allow-origin'), null, origin);
    assert.ok(list(response.headers.get('vary')).includes('origin'));
  }
});

test('an answer exposes what the client reads, to the listed origin only', async () => {
  const response = await get(...named());
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('access-control-allow-origin'), ALLOWED_ORIGIN);
  assert.equal(response.headers.get('access-control-allow-credentials'), null);
  const exposed = list(response.headers.get('access-control-expose-headers'));
  for (const name of EXPOSED) assert.ok(exposed.includes(name), name);

  const [path, init] = named();
  const elsewhere = await get(path, { ...init, origin: 'https://elsewhere.example' });
  assert.equal(elsewhere.headers.get('access-control-allow-origin'), null);
});

test('refusals say so too, or a browser would hide them', async () => {
  const answers = {
    401: await get('/v1/shape?table=items&offset=-1'),
    403: await get('/v1/shape?table=secrets&offset=-1', await gateway.grant({ org_id: 1 })),
    400: await get('/v1/shapes/items?offset=-1&where=true', named()[1]),
    404: await get('/nowhere'),
    405: await get('/v1/shape', { method: 'DELETE' }),
  };
  for (const [status, response] of Object.entries(answers)) {
    assert.equal(response.status, Number(status));
    assert.equal(response.headers.get('access-control-allow-origin'), ALLOWED_ORIGIN, status);
    assert.ok(list(response.headers.get('vary')).includes('origin'));
    assert.equal(response.headers.get('cache-control'), 'no-store');
  }
});

test('an answer to a credential is private, whatever the origin said (H63, H64)', async () => {
  for (const origin of [ALLOWED_ORIGIN, undefined]) {
    const [path, init] = named();
    const response = await get(path, { ...init, origin });
    assert.match(response.headers.get('cache-control'), /\bprivate\b/);
    assert.doesNotMatch(response.headers.get('cache-control'), /public|s-maxage|stale/);
    assert.equal(response.headers.get('cdn-cache-control'), 'no-store');
    assert.equal(response.headers.get('surrogate-control'), null);
    const vary = list(response.headers.get('vary'));
    assert.ok(vary.includes('origin') && vary.includes('authorization'), vary.join());
  }
});

test('a public shape keeps the origin\'s lifetimes', async () => {
  const response = await get('/v1/shapes/public?offset=-1');
  assert.equal(response.status, 200);
  assert.match(response.headers.get('cache-control'), /^public, max-age=604800/);
  assert.ok(list(response.headers.get('vary')).includes('origin'));
});

test('the gatekeeper\'s answer is not stored', async () => {
  const response = await gateway.askGatekeeper('items', { token: gateway.identity({ org_id: 1 }) });
  await response.arrayBuffer();
  assert.equal(response.headers.get('cache-control'), 'no-store');
});
