// Between the gateway and a remote origin: what is sent there, and what becomes of its failures.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Cluster } from './support/cluster.js';
import { BareOrigin, Gateway, newSecret, remote } from './support/gateway.js';
import { freePort } from './support/program.js';
import { SCHEMA } from './support/schema.js';
import { Upstream } from './support/upstream.js';

const SECRET = newSecret();

let upstream;
let gateway;
before(async () => {
  upstream = await Upstream.start();
  gateway = await Gateway.start({ origin: remote(upstream.url, SECRET) });
});
after(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

function shapeUrl(at, changes = {}) {
  const query = { where: 'org_id = $1', 'params[1]': '1', table: 'items', offset: '-1', ...changes };
  return `${at.url}/v1/shape?${new URLSearchParams(query)}`;
}

async function lastAsked(work) {
  upstream.requests.length = 0;
  const response = await work();
  await response.arrayBuffer();
  assert.equal(response.status, 200);
  assert.equal(upstream.requests.length, 1);
  return upstream.requests[0];
}

test('is asked for the canonical shape, once for each parameter, with the server\'s secret', async () => {
  const { headers } = await gateway.grant({ org_id: 1 });
  const asked = await lastAsked(() => fetch(shapeUrl(gateway, { where: 'ORG_ID=$1', 'cache-buster': '17-abc' }), { headers }));
  const url = new URL(asked.url, upstream.url);
  assert.equal(url.pathname, '/v1/shape');
  assert.equal(url.searchParams.get('secret'), SECRET);
  assert.equal(url.searchParams.get('params[1]'), '1');
  assert.equal(url.searchParams.get('cache-buster'), '17-abc');
  assert.match(url.searchParams.get('table'), /items/);
  assert.match(url.searchParams.get('where'), /org_id/);
  const keys = [...url.searchParams.keys()];
  assert.equal(new Set(keys).size, keys.length);
});

test('two spellings of one shape are one question', async () => {
  const { headers } = await gateway.grant({ org_id: 1 });
  const first = await lastAsked(() => fetch(shapeUrl(gateway), { headers }));
  const second = await lastAsked(() => fetch(shapeUrl(gateway, { where: ' org_id  =  $1 ', table: 'public.items' }), { headers }));
  assert.equal(first.url, second.url);
});

test('sees no field and no cookie of the client (H53, H55)', async () => {
  const { headers } = await gateway.grant({ org_id: 1 });
  const mine = {
    ...headers,
    cookie: 'session=mine',
    'x-forwarded-host': 'elsewhere',
    'x-original-url': '/v1/shape?table=secrets',
    'x-custom': 'mine',
    'user-agent': 'mine',
    'if-none-match': '"old"',
  };
  const asked = await lastAsked(() => fetch(shapeUrl(gateway), { headers: mine }));
  const names = Object.keys(asked.headers);
  for (const name of ['authorization', 'cookie', 'x-forwarded-host', 'x-original-url', 'x-custom']) assert.ok(!names.includes(name), name);
  assert.doesNotMatch(JSON.stringify(asked), /mine|elsewhere|secrets/);
  assert.equal(asked.headers['if-none-match'], '"old"');
});

test('gets a subset printed anew', async () => {
  const { headers } = await gateway.grant({ org_id: 1 });
  const asked = await lastAsked(() =>
    fetch(shapeUrl(gateway), {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: '{ "limit": 3, "order_by": "id", "params": {"1": "5"}, "where": "id > $1" }',
    }),
  );
  assert.equal(asked.method, 'POST');
  assert.deepEqual(JSON.parse(asked.body), { subset: { where: 'id > $1', params: { 1: '5' }, limit: 3, order_by: 'id' } });
});

test('its fields reach the client only where the protocol has them', async () => {
  const { headers } = await gateway.grant({ org_id: 1 });
  const response = await fetch(shapeUrl(gateway), { headers });
  await response.arrayBuffer();
  for (const name of ['set-cookie', 'x-of-the-origin', 'surrogate-control', 'access-control-allow-origin'])
    assert.equal(response.headers.get(name), null, name);
  assert.match(response.headers.get('electric-handle'), /^1234-5678\.[\w-]{22}$/);
  assert.equal(response.headers.get('electric-offset'), '0_0');
  assert.equal(response.headers.get('etag'), '"1234-5678:-1:0_0"');
});

test('which refuses the gateway\'s secret makes it 502, never 401', async () => {
  const cluster = await Cluster.start();
  const database = await cluster.createDatabase(SCHEMA);
  const origin = await BareOrigin.start(database, { secret: SECRET, port: await freePort() });
  assert.equal((await fetch(`${origin.url}/v1/shape?table=items&offset=-1&secret=guess`)).status, 401);
  const mistaken = await Gateway.start({ origin: remote(origin.url, newSecret()) });
  const response = await fetch(shapeUrl(mistaken), await mistaken.grant({ org_id: 1 }));
  assert.equal(response.status, 502);
  assert.equal(response.headers.get('www-authenticate'), null);
  const said = await response.json();
  assert.equal(said.error, 'bad_gateway');
  assert.doesNotMatch(JSON.stringify(said), /secret/i);
  await mistaken.stop();
  await origin.stop();
  await database.close();
  await cluster.stop();
});

test('which cannot be reached makes it 503 with Retry-After, until it can', async () => {
  const later = await Upstream.start();
  const { port } = later.server.address();
  const lonely = await Gateway.start({ origin: remote(later.url, SECRET) });
  const options = await lonely.grant({ org_id: 1 });
  await later.stop();
  const response = await fetch(shapeUrl(lonely), options);
  assert.equal(response.status, 503);
  assert.ok(Number(response.headers.get('retry-after')) > 0);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  assert.equal((await response.json()).error, 'origin_unavailable');

  await new Promise((resolve) => later.server.listen(port, '127.0.0.1', resolve));
  const again = await fetch(shapeUrl(lonely), options);
  assert.equal(again.status, 200);
  await again.arrayBuffer();
  await lonely.stop();
  await later.stop();
});
