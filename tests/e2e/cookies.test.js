// Sessions in cookies: any page can make a browser send one, so where the page is from decides.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Follower } from './support/follower.js';
import { ALLOWED_ORIGIN, embedded, Gateway } from './support/gateway.js';
import { ask } from './support/raw.js';
import { rowsOf } from './support/schema.js';
import { newSecret, rememberToken } from './support/secrets.js';
import { signHs256, withLifetime } from './support/tokens.js';
import { withGateway } from './support/world.js';

const SECRET = newSecret();
const SESSIONS = `
[[identity]]
name = "web"
cookie = "session"
alg = "HS256"
secret_env = "E2E_SESSION_SECRET"
issuer = "web"
`;
const NAMED = '/v1/shapes/items?offset=-1';
const FOREIGN = ['https://elsewhere.example', `${ALLOWED_ORIGIN}.elsewhere.example`, 'http://app.example', `${ALLOWED_ORIGIN}:8443`, 'null', ''];

let database, gateway;
withGateway(100, { env: { E2E_SESSION_SECRET: SECRET }, sections: SESSIONS }, (world) => ({ database, gateway } = world));

const session = (org = 1) => rememberToken(signHs256(SECRET, withLifetime({ iss: 'web', sub: `user-of-${org}`, org_id: org })));
const cookie = (org) => ({ Cookie: `theme=dark; session=${session(org)}; lang=en` });
const bearer = () => ({ Authorization: `Bearer ${gateway.identity({ org_id: 1 })}` });

// `status error` of one request; what is refused has no row in it.
async function answered(method, target, fields, body) {
  const answer = await ask(gateway.port, method, target, fields, body);
  if (answer.status === 200) return '200';
  assert.doesNotMatch(answer.body, /item \d/);
  return `${answer.status} ${JSON.parse(answer.body).error}`;
}

test('a session reads its own rows, by the published client, from a page that may', async () => {
  for (const org of [1, 2]) {
    const headers = { ...cookie(org), Origin: ALLOWED_ORIGIN };
    const follower = new Follower({ url: `${gateway.url}/v1/shapes/items`, headers });
    await follower.equals(await rowsOf(database, org));
    follower.stop();
    const granted = await gateway.askGatekeeper('items', { headers });
    assert.equal(granted.status, 200);
    const another = new Follower(await granted.json());
    await another.equals(await rowsOf(database, org));
    another.stop();
  }
});

test('E16: the page must be of a listed origin or of the gateway\'s own', async () => {
  for (const origin of [ALLOWED_ORIGIN, gateway.url]) {
    assert.equal(await answered('GET', NAMED, { ...cookie(), Origin: origin }), '200');
    assert.equal(await answered('POST', '/gatekeeper/items', { ...cookie(), Origin: origin }), '200');
  }
  for (const origin of FOREIGN) {
    assert.equal(await answered('GET', NAMED, { ...cookie(), Origin: origin }), '403 origin_forbidden', origin);
    assert.equal(await answered('POST', NAMED, { ...cookie(), Origin: origin }), '403 origin_forbidden', origin);
    assert.equal(await answered('POST', '/gatekeeper/items', { ...cookie(), Origin: origin }), '403 origin_forbidden', origin);
  }
  assert.notEqual(await answered('GET', NAMED, { ...cookie(), Origin: [ALLOWED_ORIGIN, ALLOWED_ORIGIN] }), '200');
});

test('E16: a POST that does not say where it is from is refused', async () => {
  assert.equal(await answered('POST', '/gatekeeper/items', cookie()), '403 origin_forbidden');
  assert.equal(await answered('POST', NAMED, cookie()), '403 origin_forbidden');
  assert.equal(await answered('POST', '/gatekeeper/items', { ...cookie(), Referer: `${ALLOWED_ORIGIN}/` }), '403 origin_forbidden');
});

test('E16: a form of another site sends a body that is no JSON, and from nowhere that may', async () => {
  const fields = { ...cookie(), 'Content-Type': 'text/plain' };
  assert.match(await answered('POST', NAMED, { ...fields, Origin: FOREIGN[0] }, '{"limit":1}'), /^(403 origin_forbidden|415 )/);
  assert.match(await answered('POST', NAMED, { ...fields, Origin: ALLOWED_ORIGIN }, '{"limit":1}'), /^415 /);
});

test('E16: a GET without Origin counts unless the browser says that another site began it', async () => {
  assert.equal(await answered('GET', NAMED, cookie()), '200');
  for (const site of ['same-origin', 'same-site', 'none'])
    assert.equal(await answered('GET', NAMED, { ...cookie(), 'Sec-Fetch-Site': site }), '200');
  assert.equal(await answered('GET', NAMED, { ...cookie(), 'Sec-Fetch-Site': 'cross-site' }), '403 origin_forbidden');
});

describe('J44: one credential', () => {
  const page = { Origin: ALLOWED_ORIGIN };

  test('a cookie beside Authorization is two, also where one is bad', async () => {
    for (const other of [bearer(), { Authorization: 'Bearer x' }, { Authorization: 'Basic eDp5' }])
      assert.equal(await answered('GET', NAMED, { ...cookie(), ...other, ...page }), '400 invalid_request');
    assert.equal(await answered('GET', NAMED, { Cookie: 'session=bad', ...bearer(), ...page }), '400 invalid_request');
    assert.equal(await answered('POST', '/gatekeeper/items', { ...cookie(), ...bearer(), ...page }), '400 invalid_request');
  });
  test('two cookies of the name are two', async () => {
    assert.equal(await answered('GET', NAMED, { Cookie: `session=${session(1)}; session=${session(2)}`, ...page }), '400 invalid_request');
    assert.equal(await answered('GET', NAMED, { Cookie: [`session=${session(1)}`, `session=${session(2)}`], ...page }), '400 invalid_request');
  });
  test('each is good in its own place only', async () => {
    assert.equal(await answered('GET', NAMED, { Authorization: `Bearer ${session()}` }), '401 token_invalid');
    assert.equal(await answered('GET', NAMED, { Cookie: `session=${gateway.identity({ org_id: 1 })}`, ...page }), '401 token_invalid');
    assert.equal(await answered('GET', NAMED, bearer()), '200');
    assert.equal(await answered('GET', NAMED, { Cookie: 'other=1', ...bearer() }), '200', 'other cookies are nobody\'s business');
  });
  test('a bad session is no anonymous caller', async () => {
    const expired = signHs256(SECRET, { iss: 'web', org_id: 1, iat: 1_699_999_000, exp: 1_700_000_000 });
    assert.equal(await answered('GET', NAMED, { Cookie: `session=${expired}`, ...page }), '401 token_expired');
    assert.equal(await answered('GET', NAMED, { Cookie: 'session=', ...page }), '401 token_invalid');
    assert.equal(await answered('GET', NAMED, { Cookie: `Session=${session()}`, ...page }), '401 token_missing');
  });
  test('a cookie is no grant', async () => {
    const target = '/v1/shape?table=items&where=org_id%20%3D%20%241&params%5B1%5D=1&offset=-1';
    assert.match(await answered('GET', target, { ...cookie(), ...page }), /^401 /);
  });
});

describe('what browsers and caches are told', () => {
  const fieldsOf = async (method, target, fields) => (await ask(gateway.port, method, target, fields)).headers;

  test('a listed origin is named, and may send cookies', async () => {
    const preflight = { Origin: ALLOWED_ORIGIN, 'Access-Control-Request-Method': 'GET' };
    for (const headers of [await fieldsOf('GET', NAMED, { ...cookie(), Origin: ALLOWED_ORIGIN }), await fieldsOf('OPTIONS', NAMED, preflight)]) {
      assert.equal(headers['access-control-allow-origin'], ALLOWED_ORIGIN);
      assert.equal(headers['access-control-allow-credentials'], 'true');
      assert.match(headers.vary, /\bOrigin\b/);
    }
  });
  test('another is told nothing', async () => {
    for (const origin of FOREIGN.filter(Boolean)) {
      const preflight = { Origin: origin, 'Access-Control-Request-Method': 'GET' };
      for (const headers of [await fieldsOf('GET', NAMED, { ...cookie(), Origin: origin }), await fieldsOf('OPTIONS', NAMED, preflight)])
        for (const name of ['access-control-allow-origin', 'access-control-allow-credentials']) assert.equal(headers[name], undefined, origin);
    }
  });
  test('an answer to a session is that session\'s alone', async () => {
    const headers = await fieldsOf('GET', NAMED, { ...cookie(), Origin: ALLOWED_ORIGIN });
    assert.match(headers['cache-control'], /\bprivate\b/);
    for (const name of ['Origin', 'Authorization', 'Cookie']) assert.match(headers.vary, new RegExp(`\\b${name}\\b`));
  });
});

test('E16: with every origin let in, none may send cookies', async () => {
  const open = await Gateway.start({
    origin: { ...embedded(database), toml: embedded(database).toml.replaceAll(`"${database.name}"`, `"${database.name}_open"`) },
    env: { E2E_SESSION_SECRET: SECRET },
    sections: SESSIONS,
    cors: '*',
  });
  const { status, headers, body } = await ask(open.port, 'GET', NAMED, { ...cookie(), Origin: FOREIGN[0] });
  assert.equal(status, 403);
  assert.equal(JSON.parse(body).error, 'origin_forbidden');
  assert.equal(headers['access-control-allow-credentials'], undefined);
  await open.stop();
});
