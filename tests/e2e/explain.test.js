// Why a request would be allowed or denied: the command and the operator's call say the same, and nothing secret.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Gateway, newSecret, remote } from './support/gateway.js';
import { assertNoSecrets } from './support/secrets.js';
import { queryOf, read } from './support/shapes.js';
import { base64url } from './support/tokens.js';
import { Upstream } from './support/upstream.js';

const RULES = `
[[rule]]
name = "members"
table = "items"
where = "org_id = $1"
params = ["{claims.org_id}"]
when = "role = 'member'"

[[rule]]
name = "banned"
table = "items"
deny = true
when = "banned"

[[rule]]
name = "anybody"
table = "posts"
where = "published"
anonymous = true

[[shape]]
name = "mine"
table = "items"
where = "org_id = $1"
params = ["{claims.org_id}"]
`;

let upstream;
let gateway;
before(async () => {
  upstream = await Upstream.start();
  gateway = await Gateway.start({ origin: remote(upstream.url, newSecret()), rules: RULES });
});
after(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

const MEMBER = { sub: 'alice', iss: 'e2e', org_id: 7, role: 'member', email: 'claim-that-nobody-says@example.com' };

// What both say; the end of a caller without `exp` of its own differs by when it was asked.
async function explain(asked) {
  const args = Object.entries(asked).flatMap(([key, value]) => [`--${key}`, key === 'claims' ? JSON.stringify(value) : value]);
  const ran = await gateway.run('explain', '--config', gateway.configPath, '--json', ...args);
  assert.equal(ran.stderr.replace(/\{"ts".*\n/g, ''), '');
  const command = JSON.parse(ran.stdout);
  const answer = await gateway.admin('explain', { ...asked, ...(asked.claims && { identity: 'app' }) });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  const call = JSON.parse(text);
  if (asked.claims) for (const one of [command, call]) delete one.expires_at;
  assert.deepEqual(call, command);
  assert.equal(ran.code, command.decision === 'allow' ? 0 : 1);
  for (const said of [ran.stdout, ran.stderr, text]) {
    assertNoSecrets(said, 'explain');
    assert.doesNotMatch(said, /claim-that-nobody-says/);
  }
  return command;
}

// Of the configuration.
function lineOf(text) {
  const file = readFileSync(gateway.configPath, 'utf8');
  return file.slice(0, file.indexOf(text)).split('\n').length;
}

describe('a decision', () => {
  test('that allows: the rule, its line, and the shape that would be asked for', async () => {
    const why = await explain({ claims: MEMBER, shape: 'table=items' });
    assert.equal(why.decision, 'allow');
    assert.equal(why.status, 200);
    assert.equal(why.by, 'gatekeeper');
    assert.equal(why.authorizer, 'rules');
    assert.match(why.reason, /members/);
    assert.equal(new URLSearchParams(why.shape).get('where'), 'org_id = $1');
    assert.equal(new URLSearchParams(why.shape).get('params[1]'), '7');
    assert.equal(why.subject, 'alice');
    assert.equal(why.line, lineOf('[[rule]]\nname = "members"'));
  });

  test('that denies names the nearest rule and what is missing', async () => {
    const why = await explain({ claims: { ...MEMBER, role: 'guest' }, shape: 'table=items' });
    assert.equal(why.decision, 'deny');
    assert.equal(why.status, 403);
    assert.equal(why.code, 'shape_forbidden');
    assert.equal(why.nearest.rule, 'members');
    assert.equal(why.nearest.line, lineOf('[[rule]]\nname = "members"'));
    assert.ok(why.nearest.missing.length > 0);
    assert.equal(why.shape, undefined);
  });

  test('of a rule that denies', async () => {
    const why = await explain({ claims: { ...MEMBER, banned: true }, shape: 'table=items' });
    assert.equal(why.decision, 'deny');
    assert.match(why.reason, /banned/);
    assert.equal(why.line, lineOf('[[rule]]\nname = "banned"'));
  });

  test('for nobody in particular', async () => {
    assert.equal((await explain({ shape: 'table=posts' })).decision, 'allow');
    const why = await explain({ shape: 'table=items' });
    assert.deepEqual([why.decision, why.status, why.code], ['deny', 401, 'token_missing']);
  });

  test('for a table without a rule', async () => {
    const why = await explain({ claims: MEMBER, shape: 'table=secrets' });
    assert.deepEqual([why.decision, why.status, why.nearest], ['deny', 403, undefined]);
  });

  test('of a named shape', async () => {
    const why = await explain({ claims: MEMBER, named: 'mine', shape: 'offset=-1' });
    assert.deepEqual([why.decision, why.by], ['allow', 'named shape']);
    assert.equal((await explain({ claims: { sub: 'bob' }, named: 'mine', shape: 'offset=-1' })).decision, 'deny');
    assert.equal((await explain({ claims: MEMBER, named: 'other', shape: 'offset=-1' })).decision, 'deny');
  });

  test('of an identity token and of a grant, as they are answered', async () => {
    const token = gateway.identity(MEMBER);
    assert.equal((await explain({ token, shape: 'table=items' })).decision, 'allow');
    const grant = await gateway.grant(MEMBER);
    const own = await explain({ token: grant.headers.Authorization.slice('Bearer '.length), shape: `${queryOf(grant.params)}` });
    assert.deepEqual([own.decision, own.by, own.subject], ['allow', 'grant', 'alice']);
    assert.equal((await read(grant, gateway)).status, 200);
    const wider = await explain({ token: grant.headers.Authorization.slice('Bearer '.length), shape: 'table=items' });
    assert.deepEqual([wider.decision, wider.status], ['deny', 403]);
  });

  test('of a token that was taken back, which only the gateway knows', async () => {
    const token = gateway.identity({ ...MEMBER, jti: 'taken-back' });
    assert.equal((await explain({ token, shape: 'table=items' })).decision, 'allow');
    await gateway.revoke({ token_id: 'taken-back' });
    const why = await (await gateway.admin('explain', { token, shape: 'table=items' })).json();
    assert.deepEqual([why.decision, why.status, why.code], ['deny', 401, 'token_revoked']);
  });

  test('of a token that is none', async () => {
    const forged = `${gateway.identity(MEMBER).split('.').slice(0, 2).join('.')}.${base64url('x'.repeat(32))}`;
    for (const token of ['garbage', forged, gateway.identity(MEMBER, -3600)]) {
      const why = await explain({ token, shape: 'table=items' });
      assert.deepEqual([why.decision, why.status], ['deny', 401]);
    }
  });

  test('is what a request gets', async () => {
    for (const claims of [MEMBER, { ...MEMBER, role: 'guest' }, { ...MEMBER, banned: true }, { ...MEMBER, org_id: [7] }])
      for (const table of ['items', 'posts', 'secrets']) {
        const answer = await gateway.askGatekeeper(table, { token: gateway.identity(claims) });
        assert.equal((await explain({ claims, shape: `table=${table}` })).status, answer.status, JSON.stringify([claims, table]));
      }
  });

  test('for people to read', async () => {
    const ran = await gateway.run('explain', '--config', gateway.configPath, '--claims', JSON.stringify({ ...MEMBER, role: 'guest' }), '--shape', 'table=items');
    assert.equal(ran.code, 1);
    for (const line of [/^decision +deny \(403 shape_forbidden\)$/m, /^caller +alice of e2e \(identity app\)$/m, /^nearest +members \(.*sluice\.toml:\d+\): /m])
      assert.match(ran.stdout, line);
    assertNoSecrets(ran.stdout, 'explain');
  });

  test('needs a question', async () => {
    const answer = await gateway.admin('explain', { token: 'x', claims: {}, shape: 'table=items' });
    assert.deepEqual([answer.status, (await answer.json()).parameter], [400, 'claims']);
    for (const args of [[], ['--claims', '{}', '--token', 'x', '--shape', 'table=items']]) assert.notEqual((await gateway.run('explain', '--config', gateway.configPath, ...args)).code, 0);
  });
});

describe('a file of expected decisions', () => {
  const CASES = `
[[case]]
name = "members read"
claims = '${JSON.stringify(MEMBER)}'
shape = "table=items"
expect = "allow"
authorizer = "rules"

[[case]]
name = "guests do not"
claims = '{"sub": "bob", "org_id": 7, "role": "guest"}'
shape = "table=items"
expect = "deny"
status = 403

[[case]]
name = "nobody reads posts"
shape = "table=posts"
expect = "allow"
`;
  const check = (text) => {
    const file = path.join(gateway.folder, 'cases.toml');
    writeFileSync(file, text);
    return gateway.run('check', '--config', gateway.configPath, file);
  };

  test('as it is: 0', async () => {
    assert.deepEqual(await check(CASES), { code: 0, stdout: '3 passed, 0 failed\n', stderr: '' });
  });

  test('otherwise: 1, with each case and what was found instead', async () => {
    const { code, stdout } = await check(CASES.replace('status = 403', 'status = 401').replaceAll('"allow"', '"deny"'));
    assert.equal(code, 1);
    assert.match(stdout, /cases\.toml:2: members read\n {2}decision: expected deny, got allow\n/);
    assert.match(stdout, /cases\.toml:9: guests do not\n {2}status: expected 401, got 403\n {2}reason: /);
    assert.match(stdout, /cases\.toml:16: nobody reads posts\n/);
    assert.match(stdout, /0 passed, 3 failed\n$/);
    assertNoSecrets(stdout, 'check');
    assert.doesNotMatch(stdout, /claim-that-nobody-says/);
  });

  test('that cannot be used: neither 0 nor silent', async () => {
    for (const text of ['', '[[case', CASES.replace('expect', 'expected'), CASES.replace('"deny"', '"maybe"')]) {
      const { code, stdout, stderr } = await check(text);
      assert.notEqual(code, 0);
      assert.match(stderr, /cases\.toml/);
      assert.equal(stdout, '');
    }
  });
});
