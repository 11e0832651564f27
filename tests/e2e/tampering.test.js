// Requests that ask for more than was granted: each refused, none of them seen by the origin.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Gateway, newSecret, remote } from './support/gateway.js';
import { ask } from './support/raw.js';
import { signHs256, unsigned, withLifetime } from './support/tokens.js';
import { Upstream } from './support/upstream.js';

let upstream;
let gateway;
let grant; // Authorization of organisation 1's grant
let narrow; // of a grant of two columns
let identity; // Authorization of organisation 1's identity

before(async () => {
  upstream = await Upstream.start();
  gateway = await Gateway.start({ origin: remote(upstream.url, newSecret()) });
  grant = (await gateway.grant({ org_id: 1 })).headers.Authorization;
  narrow = (await gateway.grant({ org_id: 1 }, 'items', { columns: ['id', 'title'] })).headers.Authorization;
  identity = `Bearer ${gateway.identity({ org_id: 1 })}`;
});
after(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const TABLE = 'table=items';
const WHERE = 'where=org_id%20%3D%20%241';
const PARAMS = 'params%5B1%5D=1';
const START = 'offset=-1';
const HONEST = [TABLE, WHERE, PARAMS, START].join('&');
const JSON_TYPE = { 'Content-Type': 'application/json' };

// What `work` makes the origin see, by its own count and the gateway's.
async function seenByOrigin(work) {
  const before = { own: upstream.requests.length, counted: await gateway.originRequests() };
  await work();
  const own = upstream.requests.length - before.own;
  assert.equal((await gateway.originRequests()) - before.counted, own);
  return own;
}

function assertRefusal({ status, headers, body }, wanted, code) {
  assert.ok([wanted].flat().includes(status), `${status} ${body}`);
  assert.match(headers['content-type'], /^application\/json/);
  assert.equal(headers['cache-control'], 'no-store');
  const said = JSON.parse(body);
  assert.equal(typeof said.error, 'string');
  assert.equal(typeof said.message, 'string');
  if (code) assert.equal(said.error, code);
  if (status === 401) assert.match(headers['www-authenticate'], /^Bearer/);
}

// One request that must be refused; `target` as the path and query are sent.
async function refused(status, code, { method = 'GET', target, fields = {}, body = '' }) {
  let answer;
  const seen = await seenByOrigin(async () => {
    answer = await ask(gateway.port, method, target, fields, body);
  });
  assert.equal(seen, 0, `the origin was asked: ${answer.status} ${answer.body}`);
  assertRefusal(answer, status, code);
}

const gated = (query) => `/v1/shape?${query}`;

test('the honest requests pass, so the refusals below are for the change alone', async () => {
  const honest = [
    { target: gated(HONEST), fields: { Authorization: grant } },
    { target: `/proxy/v1/shape?${HONEST}`, fields: { Authorization: grant } },
    { target: gated(`${HONEST}&columns=%22title%22,id`), fields: { Authorization: narrow } },
    // Narrower than was granted.
    { target: gated(`${HONEST}&columns=id,title`), fields: { Authorization: grant } },
    { target: gated(`${HONEST}&queryable_columns=id,title`), fields: { Authorization: grant } },
    { target: gated(`${TABLE}&where=org_id%20%3D%20%241%20AND%20id%20%3C%203&${PARAMS}&${START}`), fields: { Authorization: grant } },
    { target: `/v1/shapes/items?${START}`, fields: { Authorization: identity } },
    { method: 'POST', target: gated(HONEST), fields: { Authorization: grant, ...JSON_TYPE }, body: '{"where":"id < 3"}' },
  ];
  for (const { method = 'GET', target, fields, body } of honest) {
    const seen = await seenByOrigin(async () => {
      const answer = await ask(gateway.port, method, target, fields, body);
      assert.equal(answer.status, 200, `${target}: ${answer.body}`);
    });
    assert.equal(seen, 1);
  }
});

describe('another definition than the grant has', () => {
  const cases = {
    'another table': `table=secrets&${WHERE}&${PARAMS}&${START}`,
    'another table alone': `table=secrets&${START}`,
    'another schema': `table=private.items&${WHERE}&${PARAMS}&${START}`,
    'no where': `${TABLE}&${START}`,
    'another where': `${TABLE}&where=org_id%20%3D%202&${START}`,
    'a wider where': `${TABLE}&where=org_id%20%3D%20%241%20OR%20true&${PARAMS}&${START}`,
    'a where broken out of (E8)': `${TABLE}&where=org_id%20%3D%20%241)%20OR%20(1%3D1&${PARAMS}&${START}`,
    'a where that a comment cuts off (E8)': `${TABLE}&where=true%20--%20org_id%20%3D%20%241&${PARAMS}&${START}`,
    'a where with an open comment (E8)': `${TABLE}&where=org_id%20%3D%20%241%20/*&${PARAMS}&${START}`,
    'another params[1] (E6)': `${TABLE}&${WHERE}&params%5B1%5D=2&${START}`,
    'the same params[1] with a space': `${TABLE}&${WHERE}&params%5B1%5D=1%20&${START}`,
    'replica=full': `${HONEST}&replica=full`,
    'another where beside the granted one': `${TABLE}&where=org_id%20%3D%20%241%20OR%20id%20%3D%201&${PARAMS}&${START}`,
    'a where that asks another table': `${TABLE}&where=org_id%20%3D%20%241%20AND%20id%20IN%20(SELECT%20id%20FROM%20secrets)&${PARAMS}&${START}`,
    'an encoded key (E4)': `%74able=secrets&${WHERE}&${PARAMS}&${START}`,
  };
  for (const [name, query] of Object.entries(cases)) {
    // A where that is no expression is an invalid request before it is another shape.
    const status = name.includes('E8') ? [400, 403] : 403;
    test(name, () => refused(status, undefined, { target: gated(query), fields: { Authorization: grant } }));
  }

  test('params dropped', () => refused([400, 403], undefined, { target: gated([TABLE, WHERE, START].join('&')), fields: { Authorization: grant } }));
  test('params added', () => refused([400, 403], undefined, { target: gated(`${HONEST}&params%5B2%5D=1`), fields: { Authorization: grant } }));
  test('queryable_columns beyond the grant\'s columns', () =>
    refused(403, 'shape_forbidden', { target: gated(`${HONEST}&columns=id,title&queryable_columns=id,note`), fields: { Authorization: narrow } }));
  test('columns dropped', () => refused(403, 'shape_forbidden', { target: gated(HONEST), fields: { Authorization: narrow } }));
  test('a column added to the grant\'s', () =>
    refused(403, 'shape_forbidden', { target: gated(`${HONEST}&columns=id,title,note`), fields: { Authorization: narrow } }));
  test('by POST as by GET', () =>
    refused(403, 'shape_forbidden', { method: 'POST', target: gated(`table=secrets&${START}`), fields: { Authorization: grant } }));
});

describe('a query that two parsers could read differently', () => {
  const cases = {
    'a repeated table (E4)': `${HONEST}&table=secrets`,
    'a repeated table, the other way round': `table=secrets&${HONEST}`,
    'a repeated table, encoded': `${HONEST}&%74able=secrets`,
    'a repeated where': `${HONEST}&where=true`,
    'a repeated params[1]': `${HONEST}&params[1]=2`,
    'a repeated offset': `${HONEST}&offset=-1`,
    'table[] (E5)': `${HONEST}&table[]=secrets`,
    'table[x]': `${HONEST}&table%5Bx%5D=secrets`,
    'params[]': `${HONEST}&params[]=2`,
    'params[01]': `${HONEST}&params[01]=2`,
    'params as one value': `${TABLE}&${WHERE}&params=1&${START}`,
    'subset[where]': `${HONEST}&subset[where]=true`,
    'another case of a key': `${HONEST}&Table=secrets`,
    'an unknown key': `${HONEST}&tenant=2`,
    'a key with a NUL (J34)': `${HONEST}&table%00=secrets`,
    'a value with a NUL': `${TABLE}%00x&${WHERE}&${PARAMS}&${START}`,
    'a bad escape': `${HONEST}&where=%zz`,
    'text that is not UTF-8': `table=items%ff&${WHERE}&${PARAMS}&${START}`,
    'secret (E10)': `${HONEST}&secret=guess`,
    'api_secret': `${HONEST}&api_secret=guess`,
    'source_id': `${HONEST}&source_id=1`,
    'a second credential in the query (J44)': `${HONEST}&access_token=guess`,
    'no offset': [TABLE, WHERE, PARAMS].join('&'),
    'an offset that is none': `${TABLE}&${WHERE}&${PARAMS}&offset=zero`,
  };
  for (const [name, query] of Object.entries(cases))
    test(name, () => refused(400, undefined, { target: gated(query), fields: { Authorization: grant } }));
});

describe('a named shape takes protocol parameters only', () => {
  for (const extra of ['table=secrets', 'where=true', 'params[1]=2', 'columns=id', 'replica=full', 'queryable_columns=id', 'secret=x'])
    test(extra, () => refused(400, undefined, { target: `/v1/shapes/items?${START}&${extra}`, fields: { Authorization: identity } }));

  test('an unknown name', () =>
    refused(403, 'shape_forbidden', { target: `/v1/shapes/secrets?${START}`, fields: { Authorization: identity } }));
  test('an unknown name, before its caller is known', () => refused(401, 'token_missing', { target: `/v1/shapes/secrets?${START}` }));
});

describe('a body (E1, E16)', () => {
  const post = (status, code, body, type = 'application/json') =>
    refused(status, code, { method: 'POST', target: gated(HONEST), fields: { Authorization: grant, 'Content-Type': type }, body });

  for (const body of [
    '{"table":"secrets"}',
    '{"where":"true","table":"secrets"}',
    '{"subset":{"where":"true"},"table":"secrets"}',
    '{"subset":{"table":"secrets"}}',
    '{"columns":"id,note"}',
    '{"handle":"1234-5678"}',
    '{"where":"id = 1","where":"true"}',
    '["where"]',
    '{"where":',
  ])
    test(body, () => post(400, undefined, body));
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', 'text/plain; application/json'])
    test(`of type ${type}`, () => post(415, 'unsupported_media_type', '{"where":"true"}', type));
  test('without a type', () =>
    refused(415, 'unsupported_media_type', { method: 'POST', target: gated(HONEST), fields: { Authorization: grant }, body: '{"where":"true"}' }));
  test('of a GET', () =>
    refused(400, undefined, { target: gated(HONEST), fields: { Authorization: grant, ...JSON_TYPE }, body: '{"where":"true"}' }));
  test('beside a subset in the query', () =>
    refused(400, undefined, {
      method: 'POST',
      target: gated(`${HONEST}&subset__where=true`),
      fields: { Authorization: grant, ...JSON_TYPE },
      body: '{"where":"true"}',
    }));
});

describe('a method that reads no shapes (E11, E17)', () => {
  for (const method of ['DELETE', 'PUT', 'PATCH'])
    for (const target of [gated(HONEST), `/v1/shapes/items?${START}`])
      test(`${method} ${target.split('?')[0]}`, () => refused(405, 'method_not_allowed', { method, target, fields: { Authorization: grant } }));

  test('HEAD that would be held', async () => {
    const target = gated(`${TABLE}&${WHERE}&${PARAMS}&offset=0_0&handle=1234-5678&live=true`);
    const seen = await seenByOrigin(async () => {
      assert.equal((await ask(gateway.port, 'HEAD', target, { Authorization: grant })).status, 400);
    });
    assert.equal(seen, 0);
  });
  test('GET of the gatekeeper', () => refused(404, 'not_found', { target: '/gatekeeper/items', fields: { Authorization: identity } }));
});

describe('a credential that is none', () => {
  const claim = { table: 'items', where: 'org_id = $1', params: { 1: '1' } };
  const grantClaims = (changes) => withLifetime({ iss: gateway.url, aud: 'sluice:gate', shape: claim, ...changes });
  const type = { typ: 'shape+jwt' };
  const sign = (changes, header = type, secret = gateway.secrets.gatekeeper) => signHs256(secret, grantClaims(changes), header);
  const part = (n) => grant.replace('Bearer ', '').split('.')[n];

  test('a grant made here by hand is good, so the refusals below are for the change alone', async () => {
    const seen = await seenByOrigin(async () => {
      assert.equal((await ask(gateway.port, 'GET', gated(HONEST), { Authorization: `Bearer ${sign()}` })).status, 200);
    });
    assert.equal(seen, 1);
  });

  const tokens = {
    'an expired grant': ['token_expired', () => sign({ iat: 1, exp: 1_700_000_000 })],
    'a grant not yet valid': ['token_invalid', () => sign({ nbf: Math.floor(Date.now() / 1000) + 3600 })],
    'a grant without an end (J40)': ['token_invalid', () => sign({ exp: undefined })],
    'a grant for another gate (J37)': ['token_invalid', () => sign({ aud: 'elsewhere' })],
    'a grant of another issuer (J36)': ['token_invalid', () => sign({ iss: 'http://elsewhere' })],
    'a grant without its type': ['token_invalid', () => sign({}, { typ: 'JWT' })],
    'a grant signed with the identity key': ['token_invalid', () => sign({}, type, gateway.secrets.identity)],
    'an identity token': ['token_invalid', () => gateway.identity({ org_id: 1 })],
    'alg none (J20)': ['token_invalid', () => unsigned(grantClaims())],
    'alg None': ['token_invalid', () => unsigned(grantClaims(), 'None')],
    'no alg': ['token_invalid', () => sign({}, { ...type, alg: undefined })],
    'another alg than the key\'s': ['token_invalid', () => sign({}, { ...type, alg: 'HS512' })],
    'an embedded key (J25)': ['token_invalid', () => sign({}, { ...type, jwk: { kty: 'oct', k: 'AAAA' } })],
    'a crit header (J30)': ['token_invalid', () => sign({}, { ...type, crit: ['exp'] })],
    'a stripped signature (J24)': ['token_invalid', () => `${part(0)}.${part(1)}.`],
    'a missing signature': ['token_invalid', () => `${part(0)}.${part(1)}`],
    'another signature': ['token_invalid', () => `${part(0)}.${part(1)}.${'A'.repeat(43)}`],
    'a padded signature (J33)': ['token_invalid', () => `${part(0)}.${part(1)}.${part(2)}=`],
    'garbage': ['token_invalid', () => 'garbage'],
    'ten thousand dots (J35)': ['token_invalid', () => '.'.repeat(10_000)],
  };
  for (const [name, [code, token]] of Object.entries(tokens))
    test(name, () => refused(401, code, { target: gated(HONEST), fields: { Authorization: `Bearer ${token()}` } }));

  test('no token', () => refused(401, 'token_missing', { target: gated(HONEST) }));
  test('another scheme', () => refused(401, undefined, { target: gated(HONEST), fields: { Authorization: `Basic ${part(2)}` } }));
  test('two tokens in one field', () =>
    refused(401, undefined, { target: gated(HONEST), fields: { Authorization: `${grant}, ${grant}` } }));
  test('two Authorization fields (J44)', () => refused(400, undefined, { target: gated(HONEST), fields: { Authorization: [grant, grant] } }));
  test('two fields, one good and one bad', () =>
    refused(400, undefined, { target: gated(HONEST), fields: { Authorization: ['Bearer garbage', grant] } }));
  test('a token in a cookie or in the query only', () => refused([400, 401], undefined, {
    target: gated(`${HONEST}&token=${part(0)}.${part(1)}.${part(2)}`),
    fields: { Cookie: `token=${part(0)}.${part(1)}.${part(2)}` },
  }));
  test('a grant at a named shape', () =>
    refused(401, 'token_invalid', { target: `/v1/shapes/items?${START}`, fields: { Authorization: grant } }));
});

describe('the gatekeeper', () => {
  const asks = (status, code, { fields = { Authorization: identity }, table = 'items', query = '', body = '' } = {}) =>
    refused(status, code, { method: 'POST', target: `/gatekeeper/${table}${query}`, fields: { ...fields, ...(body && JSON_TYPE) }, body });

  test('without a token', () => asks(401, 'token_missing', { fields: {} }));
  test('with a grant (J37)', () => asks(401, 'token_invalid', { fields: { Authorization: grant } }));
  test('for a table without a rule', () => asks(403, 'shape_forbidden', { table: 'secrets' }));
  test('for a table that does not exist', () => asks(403, 'shape_forbidden', { table: 'no_such_table' }));
  test('with another where', () => asks(403, 'shape_forbidden', { body: '{"where":"true"}' }));
  test('with other params', () => asks(403, 'shape_forbidden', { body: '{"where":"org_id = $1","params":["2"]}' }));
  test('with replica=full', () => asks(403, 'shape_forbidden', { query: '?replica=full' }));
  test('with an unknown member', () => asks(400, 'invalid_request', { body: '{"tabel":"items"}' }));
  test('with a repeated member', () => asks(400, 'invalid_request', { body: '{"where":"true","where":"org_id = 1"}' }));
  test('with columns of the wrong type', () => asks(400, 'invalid_request', { body: '{"columns":7}' }));
  test('with a repeated key', () => asks(400, 'invalid_request', { query: '?columns=id&columns=note' }));

  test('names the field at fault', async () => {
    const answer = await ask(gateway.port, 'POST', '/gatekeeper/items', { Authorization: identity, ...JSON_TYPE }, '{"columns":7}');
    assert.equal(JSON.parse(answer.body).parameter, 'columns');
  });

  test('answers alike whether a table is unknown or forbidden (E14)', async () => {
    const [unknown, forbidden] = await Promise.all(
      ['no_such_table', 'secrets'].map((table) => ask(gateway.port, 'POST', `/gatekeeper/${table}`, { Authorization: identity })),
    );
    assert.equal(unknown.status, forbidden.status);
    assert.equal(unknown.body, forbidden.body);
  });
});

test('refusals are counted by their code', async () => {
  const before = await gateway.metric('sluice_refusals_total', { code: 'shape_forbidden' });
  await ask(gateway.port, 'GET', gated(`table=secrets&${START}`), { Authorization: grant });
  assert.equal(await gateway.metric('sluice_refusals_total', { code: 'shape_forbidden' }), before + 1);
});

// H67
test('no token and no secret is in the logs', () => {
  const { output } = gateway.program;
  assert.match(output, /refused/);
  for (const secret of [gateway.secrets.identity, gateway.secrets.gatekeeper, gateway.env.E2E_ORIGIN_SECRET])
    assert.ok(!output.includes(secret));
  for (const token of [grant, narrow, identity]) assert.ok(!output.includes(token.split('.')[2]));
});
