// A user's own authorization API: at the gatekeeper, and on each request of a named shape.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { Callback } from './support/callback.js';
import { Cluster } from './support/cluster.js';
import { Follower } from './support/follower.js';
import { embedded, Gateway, newSecret } from './support/gateway.js';
import { rowsOf, SCHEMA, seed } from './support/schema.js';

const ASKED = { where: 'org_id = $1', params: { 1: '1' } };
const NARROWER = { table: 'items', where: 'org_id = $1 AND id <= 10', params: { 1: '1' } };

let callback;
let cluster;
let database;
let gateway;
before(async () => {
  callback = await Callback.start();
  cluster = await Cluster.start();
  database = await cluster.createDatabase(SCHEMA);
  await seed(database, 100);
  gateway = await Gateway.start({
    origin: embedded(database),
    env: callback.env,
    rules: `
[[shape]]
name = "asked"
table = "items"
where = "org_id = $1"
params = ["{query.org::int4}"]
authorize = ["api"]
${callback.section('api', 'timeout_ms = 700\ntables = ["items"]')}
${callback.section('open', 'anonymous = true\ntables = ["posts"]')}
${callback.section('remembers', 'cache_s = 60\ntables = ["notes"]')}`,
  });
});
after(async () => {
  await gateway?.stop();
  await cluster?.stop();
  await callback?.stop();
});
beforeEach(() => {
  callback.questions.length = 0;
  callback.forgeries = 0;
});

const token = (claims) => gateway.identity({ sub: 'alice', org_id: 1, ...claims });

async function told(response) {
  return { status: response.status, body: await response.json() };
}

const waysIn = {
  'the gatekeeper': async (claims) => told(await gateway.askGatekeeper('items', { token: token(claims), definition: ASKED })),
  'a named shape': async (claims) =>
    told(await fetch(`${gateway.url}/v1/shapes/asked?org=1&offset=-1`, { headers: { authorization: `Bearer ${token(claims)}` } })),
};

for (const [name, ask] of Object.entries(waysIn))
  describe(`at ${name}`, () => {
    const answered = async (answer, claims) => {
      callback.answer = answer;
      const { status, body } = await ask(claims);
      return `${status} ${body.error ?? ''}`.trim();
    };

    test('allow: it was asked about the caller and the shape, once, signed', async () => {
      assert.equal(await answered(() => ({ allow: true }), { team: ['red'] }), '200');
      assert.equal(callback.forgeries, 0);
      assert.equal(callback.questions.length, 1);
      const [{ principal, shape }] = callback.questions;
      assert.equal(principal.identity, 'app');
      assert.equal(principal.issuer, 'e2e');
      assert.equal(principal.subject, 'alice');
      assert.deepEqual(principal.claims.team, ['red']);
      assert.deepEqual({ table: shape.table, where: shape.where, params: shape.params }, { table: 'items', ...ASKED });
    });
    test('deny; its reason stays here', async () => {
      callback.answer = () => ({ allow: false, reason: 'not a member of the choir' });
      const { status, body } = await ask();
      assert.equal(status, 403);
      assert.equal(body.error, 'shape_forbidden');
      assert.doesNotMatch(JSON.stringify(body), /choir/);
    });
    test('abstain: nobody has allowed it', async () => assert.equal(await answered(() => ({ abstain: true })), '403 shape_forbidden'));
    test('it is asked each time, and what it says counts from then on', async () => {
      assert.equal(await answered(() => ({ allow: true })), '200');
      assert.equal(await answered(() => ({ allow: false })), '403 shape_forbidden');
      assert.equal(await answered(() => ({ allow: true })), '200');
      assert.equal(callback.questions.length, 3);
    });

    const failures = {
      'no answer in time': () => () => {},
      'a dropped connection': () => (response) => response.destroy(),
      'an answer cut short': () => (response) => {
        response.writeHead(200, { 'content-length': 15 });
        response.write('{"allow":');
        setImmediate(() => response.destroy());
      },
      'another status': () => (response) => response.writeHead(500).end('{"allow":true}'),
      'a redirect': () => (response) => response.writeHead(302, { location: `http://127.0.0.1:${callback.port}/` }).end(),
      'garbage': () => (response) => response.end('allow'),
      'an unknown member': () => ({ allow: true, forever: true }),
      'two members of one name': () => (response) => response.end('{"allow":false,"allow":true}'),
      'allow that is no boolean': () => ({ allow: 'true' }),
      'too much': () => ({ allow: true, reason: 'x'.repeat(100_000) }),
      'a wider shape': () => ({ allow: true, shape: { table: 'items' } }),
      'another organisation': () => ({ allow: true, shape: { ...NARROWER, params: { 1: '2' } } }),
      'another table': () => ({ allow: true, shape: { table: 'secrets' } }),
    };
    for (const [what, answer] of Object.entries(failures))
      test(`${what} is 503, never rows`, async () => {
        assert.equal(await answered(answer), '503 authorizer_unavailable');
        assert.equal(await answered(() => ({ allow: true })), '200', 'and the next one is answered');
      });

    test('an API that has another secret refuses the question: 503', async () => {
      const { secret } = callback;
      callback.secret = newSecret();
      assert.equal(await answered(() => ({ allow: true })), '503 authorizer_unavailable');
      assert.equal(callback.questions.length, 0);
      callback.secret = secret;
    });
    test('when it is away it is 503, and when it is back it is asked', async () => {
      await callback.stop();
      assert.equal(await answered(() => ({ allow: true })), '503 authorizer_unavailable');
      await callback.listen(callback.port);
      assert.equal(await answered(() => ({ allow: true })), '200');
    });
  });

describe('an answer however HTTP carries it', () => {
  const answers = {
    'in chunks': (response) => {
      response.write('{"allow"');
      setImmediate(() => response.end(': true}'));
    },
    'after early hints': (response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.end('{"allow":true}');
    },
    'until the connection ends': (response) => {
      response.socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"allow":true}');
    },
    'by HTTP/1.0': (response) => response.socket.end('HTTP/1.0 200 OK\r\nContent-Length: 14\r\n\r\n{"allow":true}'),
    'with white space': (response) => response.end('\r\n { "allow" : true }\n'),
  };
  for (const [what, answer] of Object.entries(answers))
    test(what, async () => {
      callback.answer = () => answer;
      assert.equal((await gateway.askGatekeeper('items', { token: token(), definition: ASKED })).status, 200);
    });
  test('one that comes a byte at a time is given up in time', async () => {
    let trickle;
    callback.answer = () => (response) => {
      trickle = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(trickle));
    };
    assert.equal((await gateway.askGatekeeper('items', { token: token(), definition: ASKED })).status, 503);
  });
});

test('about callers without a credential it is not asked', async () => {
  const granted = await gateway.askGatekeeper('items', { definition: ASKED });
  const named = await fetch(`${gateway.url}/v1/shapes/asked?org=1&offset=-1`);
  assert.deepEqual([granted.status, named.status], [401, 401]);
  assert.equal(callback.questions.length, 0);
});

test('but one that says so is: nobody is null', async () => {
  for (const answer of [{ allow: true }, { allow: false }]) {
    callback.answer = () => answer;
    assert.equal((await gateway.askGatekeeper('posts')).status, answer.allow ? 200 : 401);
    assert.equal(callback.questions.at(-1).principal, null);
  }
  const bad = await gateway.askGatekeeper('posts', { token: 'a.bad.token' });
  assert.equal(bad.status, 401);
  assert.equal(callback.questions.length, 2);
});

test('J41: what is remembered is for the whole caller and the whole shape', async () => {
  const ask = async (claims, where = 'id = 1') =>
    (await gateway.askGatekeeper('notes', { token: token(claims), definition: { where } })).status;
  const [iat, exp] = [Math.floor(Date.now() / 1000), Math.floor(Date.now() / 1000) + 600];
  callback.answer = ({ principal, shape }) => ({ allow: principal.claims.role === 'reader' && shape.where === 'id = 1' });
  const reader = { role: 'reader', iat, exp };
  for (let i = 0; i < 3; i++) assert.equal(await ask(reader), 200);
  assert.equal(callback.questions.length, 1);
  assert.equal(await ask(reader, 'id = 2'), 403);
  assert.equal(await ask({ ...reader, role: 'guest' }), 403);
  assert.equal(await ask({ ...reader, sub: 'bob', role: 'guest' }), 403);
  assert.equal(await ask(reader), 200);
  assert.equal(callback.questions.length, 4);
});

test('failures are not remembered', async () => {
  const ask = async () => (await gateway.askGatekeeper('notes', { token: token({ role: 'unlucky' }) })).status;
  callback.answer = () => (response) => response.destroy();
  assert.equal(await ask(), 503);
  callback.answer = () => ({ allow: true });
  assert.equal(await ask(), 200);
});

test('connections that the API closes between questions are not noticed', async () => {
  callback.answer = () => ({ allow: true });
  for (let i = 0; i < 20; i++) {
    assert.equal((await gateway.askGatekeeper('items', { token: token(), definition: ASKED })).status, 200);
    callback.server.closeIdleConnections();
  }
});

describe('a narrower shape', () => {
  const asking = () => ({
    url: `${gateway.url}/v1/shapes/asked`,
    params: { org: '1' },
    headers: { Authorization: `Bearer ${token()}` },
  });
  const narrowed = () => database.query('SELECT * FROM items WHERE org_id = 1 AND id <= 10 ORDER BY id');
  const follows = async (options) => {
    const follower = new Follower(options);
    await follower.equals(await narrowed());
    await database.query(`UPDATE items SET title = 'org1 changed ' || id WHERE org_id = 1 AND id IN (3, 70)`);
    await follower.equals(await narrowed());
    assert.doesNotMatch(follower.text, /org1 changed 70|org1 item 7\d/);
    follower.assertClean();
    follower.stop();
    return follower;
  };

  test('is all that a grant is for', async () => {
    callback.answer = () => ({ allow: true, shape: NARROWER });
    const response = await gateway.askGatekeeper('items', { token: token(), definition: ASKED });
    assert.equal(response.status, 200);
    const options = await response.json();
    await follows(options);
    const wider = new URLSearchParams({ table: 'items', where: 'org_id = $1', 'params[1]': '1', offset: '-1' });
    const refused = await fetch(`${gateway.url}/v1/shape?${wider}`, { headers: options.headers });
    assert.equal(refused.status, 403);
  });
  test('is all that a named shape is', async () => {
    callback.answer = () => ({ allow: true, shape: NARROWER });
    const { requests } = await follows(asking());
    const answered = requests.filter(({ status }) => status === 200).length;
    assert.ok(answered > 1 && callback.questions.length >= answered, 'asked on each request');
  });
  test('that becomes the whole one is another shape to the client, which starts over', async () => {
    callback.answer = () => ({ allow: true, shape: NARROWER });
    const follower = new Follower(asking());
    await follower.equals(await narrowed());
    callback.answer = () => ({ allow: true });
    await database.query(`UPDATE items SET title = 'org1 wakes the reader' WHERE id = 5`);
    await follower.equals(await rowsOf(database, 1));
    assert.ok(follower.refetches > 0);
    follower.stop();
  });
});
