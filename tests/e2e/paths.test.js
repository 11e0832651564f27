// Spellings of a path that some server between client and origin could read as the shape's (E2, E3, H57).
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Gateway, newSecret, remote } from './support/gateway.js';
import { ask } from './support/raw.js';
import { Upstream } from './support/upstream.js';

let upstream;
let gateway;
let grant;
before(async () => {
  upstream = await Upstream.start();
  gateway = await Gateway.start({ origin: remote(upstream.url, newSecret()) });
  grant = (await gateway.grant({ org_id: 1 })).headers.Authorization;
});
after(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const QUERY = '?table=items&where=org_id%20%3D%20%241&params%5B1%5D=1&offset=-1';
const PATHS = [
  '/', '/v1', '/v1/', '/v1/shape/', '/v1/shape//', '/v1//shape', '//v1/shape', '///v1/shape', '/v1/shape/x',
  '/v1/%73hape', '/%761/shape', '/v1%2fshape', '/v1%2Fshape', '/v1/shape%2f', '/v1%5cshape', '/v1\\shape', '/v1/shape%00', '/v1/shape%20',
  '/v1/./shape', '/v1/x/../shape', '/v1/shape/.', '/v1/shape/..', '/v1/%2e/shape', '/v1/x/%2e%2e/shape', '/./v1/shape', '/../v1/shape',
  '/V1/shape', '/v1/Shape', '/V1/SHAPE', '/v1/shape;x=1', '/v1/shape;', ';/v1/shape', '/v1;x/shape', '/v1/shape#', '/v1/shape#x',
  '/proxy/v1/shape/', '/proxy//v1/shape', '/proxy/../v1/shape', '/proxy/proxy/v1/shape', '/Proxy/v1/shape',
  '/gatekeeper/../v1/shape', '/v1/shapes', '/v1/shapes/', '/v1/shapes/../shape', '/v1/shapes/items/', '/v1/shapes/items/../../shape',
  '/v1/shapes/%69tems', '/gatekeeper/', '/gatekeeper/items/x', 'v1/shape', 'http://origin/v1/shape', '*',
];

describe('refused whoever asks, and nothing reaches the origin', () => {
  for (const method of ['GET', 'POST', 'DELETE', 'HEAD'])
    test(method, async () => {
      for (const path of PATHS)
        for (const fields of [{}, { Authorization: grant }]) {
          const { status } = await ask(gateway.port, method, path + QUERY, fields);
          assert.ok(status === 400 || status === 404, `${method} ${path}: ${status}`);
        }
      assert.equal(upstream.requests.length, 0);
      assert.equal(await gateway.originRequests(), 0);
    });
});

test('the plain spelling passes', async () => {
  assert.equal((await ask(gateway.port, 'GET', `/v1/shape${QUERY}`, { Authorization: grant })).status, 200);
  assert.equal(upstream.requests.length, 1);
});

test('no redirects: a client would lose its credentials or leave for elsewhere', async () => {
  for (const path of ['/v1/shape/', '//elsewhere/v1/shape', '/gatekeeper']) {
    const { status, headers } = await ask(gateway.port, 'GET', path + QUERY, { Authorization: grant });
    assert.ok(status >= 400);
    assert.equal(headers.location, undefined);
  }
});
