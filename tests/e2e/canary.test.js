// H67: nothing that a program says holds a secret, a token, a claim's value but subject and issuer, a parameter's value, or a
// row's. Everything that could hold one is given a value that is known again, all sorts of requests are made, and everything
// that was said is searched.
import assert from 'node:assert/strict';
import http from 'node:http';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Cluster } from './support/cluster.js';
import { BareOrigin, embedded, Gateway, remote } from './support/gateway.js';
import { freePort } from './support/program.js';
import { ask as askRaw } from './support/raw.js';
import { Redis } from './support/redis.js';
import { assertNoSecrets, found, newSecret, rememberToken, spellings } from './support/secrets.js';
import { queryOf, untilHeld, Waiting } from './support/shapes.js';
import { base64url, signHs256, unsigned, withLifetime } from './support/tokens.js';

const TARGET_CHARS = 70_000; // more than any request line may have

let count = 0;
const canary = (what) => `canary-${what}-${++count}-${newSecret().slice(0, 12)}`;
const ROW = canary('row');
const TENANT = canary('tenant');
const CLAIM = canary('claim');
const PARAM = canary('param');
const NAME = canary('name'); // of something that is none
const ECHO = canary('echo');
const URL_PASSWORD = canary('password');

const TABLES = `
CREATE TABLE vault (id int PRIMARY KEY, tenant text NOT NULL, content text NOT NULL);
INSERT INTO vault SELECT i, '${TENANT}', '${ROW}' FROM generate_series(1, 5) i;
CREATE TABLE numbers (id int PRIMARY KEY, n int NOT NULL, content text NOT NULL);
INSERT INTO numbers VALUES (1, 1, '${ROW}');
CREATE TABLE audited (id int PRIMARY KEY, tenant text NOT NULL, content text NOT NULL);
INSERT INTO audited VALUES (1, '${TENANT}', '${ROW}');
`;
const rules = (authorizerUrl) => `
[[rule]]
table = "vault"
where = "tenant = $1"
params = ["{claims.tenant}"]
when = "level > 3"

[[rule]]
table = "numbers"
where = "n = $1"
params = ["{claims.n}"]

[[rule]]
table = "audited"
where = "n = $1"
params = ["{claims.n::int8}"]

[[authorizer]]
name = "api"
kind = "http"
url = "${authorizerUrl}/authorize"
secret_env = "E2E_AUTHORIZER_SECRET"
timeout_ms = 500
tables = ["audited"]

[[shape]]
name = "vault"
table = "vault"
where = "tenant = $1"
params = ["{claims.tenant}"]

[[shape]]
name = "asked"
table = "audited"
where = "tenant = $1"
params = ["{claims.tenant}"]
authorize = ["api"]
`;

// An API whose answers repeat what it was asked, and worse.
async function startApi() {
  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const answers = { allow: [200, '{"allow":true}'], deny: [200, '{"allow":false}'], broken: [500, `${ECHO} ${body}`], garbage: [200, `{"${ECHO}": ${body}`] };
    const [status, text] = answers[/"mood":"(\w+)"/.exec(body)?.[1]] ?? answers.deny;
    response.writeHead(status, { 'content-type': 'application/json', 'x-echo': ECHO }).end(text);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

let cluster;
let database;
let redis;
let origin;
let api;
const secrets = { origin: newSecret(), authorizer: newSecret() };
before(async () => {
  cluster = await Cluster.start();
  database = await cluster.createDatabase(TABLES);
  redis = await Redis.start();
  const session = await database.session();
  session.name += '_bare';
  origin = await BareOrigin.start(session, { secret: secrets.origin, port: await freePort() });
  api = await startApi();
});
after(async () => {
  api?.close();
  await origin?.stop();
  await redis?.stop();
  await cluster?.stop();
});

// What was said, each with where: to be searched.
class Said {
  texts = [];
  statuses = new Set();

  add(where, text) {
    this.texts.push({ where, text });
  }

  // Fields of every answer, and bodies of those that refuse: what is granted is for whoever asked. A name that is none is
  // said to whoever sent it, and to nobody else.
  async answer(where, response) {
    const text = await response.text();
    this.statuses.add(response.status);
    this.add(`${where}: fields`, [...response.headers].map((field) => field.join(': ')).join('\n'));
    if (response.status >= 400) this.add(`${where}: ${response.status}`, text.replaceAll(`"parameter":"${NAME}"`, ''));
    for (const [token] of text.matchAll(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g)) rememberToken(token);
    return text;
  }

  search(canaries) {
    return this.texts.flatMap(({ where, text }) => found(text, canaries).map((hit) => ({ where, ...hit })));
  }
}

class Session {
  said = new Said();
  tokens = [];

  constructor(gateway) {
    this.gateway = gateway;
  }

  async send(target, { token, method = 'GET', headers = {}, body } = {}) {
    const fields = { ...headers, ...(token && { authorization: `Bearer ${token}` }) };
    if (token) this.tokens.push(token);
    const response = await fetch(`${this.gateway.url}${target}`, { method, headers: fields, body });
    return { status: response.status, text: await this.said.answer(`${method} ${target.split('?')[0]}`, response), headers: response.headers };
  }

  login(changes = {}, lifetime_s) {
    return this.gateway.identity({ sub: 'alice', tenant: TENANT, level: 7, email: CLAIM, profile: { name: [CLAIM] }, ...changes }, lifetime_s);
  }

  async mint(table, token, definition) {
    const headers = definition ? { 'content-type': 'application/json' } : {};
    const answer = await this.send(`/gatekeeper/${table}`, { method: 'POST', token, headers, body: definition && JSON.stringify(definition) });
    if (answer.status !== 200) return answer;
    const grant = JSON.parse(answer.text);
    const own = grant.headers.Authorization.slice('Bearer '.length);
    this.tokens.push(own);
    return { ...grant, token: own, target: (more) => `/v1/shape?${queryOf(grant.params, { offset: '-1', ...more })}` };
  }
}

async function successes(session) {
  const grant = await session.mint('vault', session.login());
  assert.match((await session.send(grant.target(), { token: grant.token })).text, new RegExp(ROW));
  await session.send('/v1/shapes/vault?offset=-1', { token: session.login() });
  await session.send('/v1/shapes/asked?offset=-1', { token: session.login({ mood: 'allow' }) });
  const subset = { log: 'changes_only', subset__where: `content = $1`, subset__params: JSON.stringify({ 1: PARAM }), subset__limit: '3', subset__order_by: 'id' };
  assert.equal((await session.send(grant.target(subset), { token: grant.token })).status, 200);
  await session.send(grant.target(), { token: grant.token, method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ where: 'content = $1', params: { 1: PARAM }, limit: 2, order_by: 'id' }) });
  await session.send(grant.target({ where: `tenant = $1 AND content <> '${PARAM}'` }), { token: grant.token });
  return grant;
}

async function badRequests(session, grant) {
  const token = grant.token;
  const bad = [
    { secret: secrets.origin }, { api_secret: PARAM }, { [NAME]: '1' }, { where: `tenant = '${PARAM}` }, { where: `tenant = '${PARAM}' OR` }, { offset: PARAM },
    { where: `tenant = '${PARAM}'` }, { 'params[1]': PARAM }, { table: `"${PARAM}"` }, { columns: PARAM }, { handle: PARAM, offset: '0_0' }, { live: PARAM },
    { replica: 'full' }, { subset__where: `n = '${PARAM}'` }, { subset__where: `id = '${PARAM}'`, log: 'changes_only' }, { subset__where: `id = $1`, subset__params: JSON.stringify({ 1: PARAM }), log: 'changes_only' },
    { subset__where: `content LIKE '%${PARAM}'` }, { subset__order_by: PARAM }, { subset__limit: PARAM }, { token }, { access_token: token }, { handle: `${PARAM}-1`, live: 'true', offset: '0_0' },
  ];
  for (const more of bad) await session.send(grant.target(more), { token });
  await session.send(`${grant.target()}&offset=${PARAM}`, { token });
  await session.send(`${grant.target()}&x=%zz${PARAM}`, { token });
  await session.send(`/v1/shape?where=${'x'.repeat(TARGET_CHARS)}${PARAM}`, { token });
  const bodies = [`{"${NAME}":1}`, `{"where":"${PARAM}"`, `{"where":"id = '${PARAM}'"}`, `{"limit":"${PARAM}"}`, PARAM];
  for (const body of bodies)
    for (const type of ['application/json', 'text/plain'])
      for (const target of [grant.target(), '/gatekeeper/vault', '/gatekeeper'])
        await session.send(target, { method: 'POST', token: target.startsWith('/g') ? session.login() : token, headers: { 'content-type': type }, body });
  for (const method of ['DELETE', 'PUT', 'PATCH', 'OPTIONS', 'HEAD']) await session.send(grant.target({ secret: secrets.origin }), { method, token });
  for (const path of [`/${PARAM}`, `/v1/shapes/${PARAM}`, `/gatekeeper/${PARAM}`, `/v1/shape/${token}`, '/admin/revoke']) await session.send(path, { token: session.login() });
}

async function badTokens(session, grant) {
  const { gateway } = session;
  const claims = withLifetime({ iss: 'e2e', sub: 'mallory', tenant: TENANT, email: CLAIM });
  const whole = session.login();
  const [head, body, signature] = whole.split('.');
  const tokens = [
    signHs256(newSecret(), claims), signHs256(gateway.secrets.identity, { ...claims, exp: 1_700_000_000 }), signHs256(gateway.secrets.identity, { ...claims, exp: CLAIM }),
    signHs256(gateway.secrets.identity, { ...claims, iss: CLAIM }), signHs256(gateway.secrets.identity, { ...claims, aud: CLAIM }), signHs256(gateway.secrets.identity, claims, { kid: 'none-of-ours' }),
    signHs256(gateway.secrets.identity, claims, { crit: [CLAIM] }), signHs256(gateway.secrets.gatekeeper, { ...claims, shape: { table: CLAIM } }, { typ: 'shape+jwt' }),
    unsigned(claims), `${head}.${body}.`, `${head}.${body}`, `${head}.${body}.${signature}=`, `${body}.${head}.${signature}`, `${whole}.${whole}`, `${base64url('{')}.${body}.${signature}`, whole + 'A'.repeat(9000),
  ];
  for (const token of tokens) {
    await session.send(grant.target(), { token });
    await session.send('/gatekeeper/vault', { method: 'POST', token });
    await session.send('/v1/shapes/vault?offset=-1', { token });
  }
  for (let i = 0; i < 30; i++) await session.send('/v1/shapes/vault?offset=-1', { token: tokens[0] });
  await session.send(grant.target(), { headers: { authorization: `Basic ${base64url(`alice:${gateway.secrets.admin}`)}` } });
  await session.send(grant.target(), { headers: { cookie: `session=${whole}` } });
  await session.send(grant.target(), { headers: { authorization: `Bearer ${whole}, Bearer ${grant.token}` } });
  // Byte for byte: two fields, fields that are none, no request at all.
  for (const fields of [{ Authorization: [`Bearer ${whole}`, `Bearer ${grant.token}`] }, { Authorization: `Bearer ${whole}\x01` }, { [`X ${PARAM}`]: whole }]) {
    const { status, headers, body } = await askRaw(gateway.port, 'GET', grant.target(), fields);
    session.said.add(`raw: ${status}`, JSON.stringify(headers) + body);
  }
}

async function denials(session) {
  for (const changes of [{ level: CLAIM }, { level: 1 }, { tenant: undefined }, { tenant: [CLAIM] }, { n: CLAIM }, { n: { x: CLAIM } }])
    for (const table of ['vault', 'numbers', 'audited', 'elsewhere']) {
      const grant = await session.mint(table, session.login(changes));
      // Where the value is of another type than the column, the origin finds out.
      if (grant.token) await session.send(grant.target(), { token: grant.token });
      if (grant.token) await session.send(grant.target({ log: 'changes_only', subset__limit: '1', subset__order_by: 'id' }), { token: grant.token });
    }
  for (const mood of ['deny', 'broken', 'garbage']) {
    await session.send('/v1/shapes/asked?offset=-1', { token: session.login({ mood }) });
    await session.mint('audited', session.login({ mood }), { where: 'tenant = $1', params: [PARAM] });
  }
  await session.mint('vault', session.login(), { where: `tenant = '${PARAM}'` });
  await session.mint('vault', session.login(), { where: 'tenant = $1', params: [PARAM] });
}

async function heldAndRevoked(session) {
  const { gateway } = session;
  const grant = await session.mint('vault', session.login({ sub: 'held' }));
  const waiting = await Waiting.of(grant, gateway);
  waiting.poll();
  const streaming = await (await Waiting.of(grant, gateway)).stream();
  await untilHeld(gateway, 2);
  await database.query(`UPDATE vault SET content = content || '!' WHERE id = 1`);
  assert.match((await waiting.ended).text, new RegExp(ROW));
  const next = (await Waiting.of(grant, gateway)).poll();
  await untilHeld(gateway, 2);
  await gateway.revoke({ subject: 'held' });
  const { status, text } = await next.ended;
  assert.equal(status, 401);
  session.said.add('a held poll', text);
  await streaming.ended;
  await session.send(grant.target(), { token: grant.token });

  const short = await session.mint('vault', session.login({ sub: 'short' }, 2));
  const ending = (await Waiting.of(short, gateway)).poll();
  session.said.add('a held poll at its expiry', (await ending.ended).text);
}

async function operator(session) {
  const { gateway, said } = session;
  const token = session.login({ level: 1 });
  for (const asked of [{ token, shape: 'table=vault' }, { claims: { sub: 'alice', tenant: TENANT, level: CLAIM }, shape: 'table=vault' }, { token: `${token}x`, shape: 'table=vault' }, { shape: `table=vault&where=x='${PARAM}'` }]) {
    said.add('POST /admin/explain', await (await gateway.admin('explain', asked)).text());
    const args = Object.entries(asked).flatMap(([key, value]) => [`--${key}`, typeof value === 'string' ? value : JSON.stringify(value)]);
    const { stdout, stderr } = await gateway.run('explain', '--config', gateway.configPath, ...args);
    said.add('sluice explain', stdout + stderr);
  }
  for (const [call, body] of [['revoke', { subject: 7 }], ['revoke', { [NAME]: 1 }], ['explain', { token: 1 }], ['explain', { claims: { sub: CLAIM, exp: CLAIM }, shape: 'table=vault' }]])
    await said.answer(`POST /admin/${call}`, await gateway.admin(call, body));
  for (const wrong of [gateway.secrets.admin.slice(1), token]) said.add('POST /admin/revoke', await (await gateway.admin('revoke', { all: true }, { authorization: `Bearer ${wrong}` })).text());
  said.add('GET /admin/policy', await (await gateway.admin('policy')).text());
  for (const where of ['readyz', 'healthz', 'metrics']) said.add(`GET /${where}`, await (await fetch(`${gateway.adminUrl}/${where}`)).text());
}

// Configurations with secrets where none belong, or that are no good: what is said about them.
async function reloads(session) {
  const { gateway } = session;
  const good = gateway.options;
  const faults = [
    `[[authorizer]]\nname = "x"\nkind = "http"\nurl = "http://127.0.0.1:1/"\nsecret = "${URL_PASSWORD}"\n`,
    `[[authorizer]]\nname = "x"\nkind = "sql"\ndatabase_url = "postgresql://u:${URL_PASSWORD}@[127.0.0.1/x"\n`,
    `[[authorizer]]\nname = "x"\nkind = "http"\nurl = "https//u:${URL_PASSWORD}@127.0.0.1/"\n`,
    `[[identity]]\nname = "x"\nalg = "HS256"\nsecret_env = "E2E_SHORT"\n`,
    `[[identity]]\nname = "x"\nalg = "RS256"\npublic_key_env = "E2E_SHORT"\n`,
    `[[gate.issuer]]\nname = "x"\nalg = "HS256"\nsecret = "${URL_PASSWORD}`,
  ];
  const results = (result) => gateway.metric('sluice_reloads_total', { result });
  const reload = async (result) => {
    const before = await results(result);
    gateway.program.signal('SIGHUP');
    await gateway.program.until(`reload: ${result}`, async () => (await results(result)) > before);
  };
  for (const fault of faults) {
    gateway.configure({ ...good, rules: good.rules + fault });
    await reload('failed');
    const { stdout, stderr, code } = await gateway.run('serve', '--config', gateway.configPath, '--check');
    assert.notEqual(code, 0);
    session.said.add('sluice serve --check', stdout + stderr);
  }
  gateway.configure(good);
  await reload('ok');
}

const gateways = [];
const cases = {
  'an embedded origin, files': async () => ({ origin: embedded(database), sections: (folder) => `\n[revocation]\nfile = "${folder}/revoked"\n[audit]\nfile = "${folder}/audit"\n` }),
  'a remote origin, Redis': async () => ({ origin: remote(origin.url, secrets.origin), sections: () => '\n[revocation]\nredis_url_env = "E2E_REDIS_URL"\n' }),
};
for (const [name, options] of Object.entries(cases))
  describe(`H67: ${name}`, () => {
    let session;
    let gateway;
    let folder;
    before(async () => {
      const { sections, ...rest } = await options();
      folder = path.join(redis.folder, `${gateways.length}`);
      mkdirSync(folder);
      gateway = await Gateway.start({
        ...rest,
        rules: rules(`http://127.0.0.1:${api.address().port}`),
        server: 'log_level = "debug"',
        sections: `${sections(folder)}\n[reload]\nwatch = false\n`,
        env: { E2E_AUTHORIZER_SECRET: secrets.authorizer, E2E_REDIS_URL: redis.url, E2E_SHORT: URL_PASSWORD.slice(0, 25) },
      });
      gateways.push(gateway);
      session = new Session(gateway);
    });
    after(() => gateway?.program.stop());

    test('all sorts of requests', async () => {
      const grant = await successes(session);
      await badRequests(session, grant);
      await badTokens(session, grant);
      await denials(session);
      await heldAndRevoked(session);
      await operator(session);
      await reloads(session);
      const seen = [...session.said.statuses].sort();
      for (const status of [200, 400, 401, 403, 404, 405, 409, 414, 415, 429, 503]) assert.ok(seen.includes(status), `no answer was ${status}: ${seen}`);
    });

    test('none is in what was said', async () => {
      await gateway.program.stop('SIGTERM');
      session.said.add('output', gateway.program.output);
      for (const file of readdirSync(folder)) session.said.add(file, readFileSync(path.join(folder, file), 'utf8'));
      const everything = session.said.texts.map(({ text }) => text).join('\n');
      for (const event of ['minted', 'allowed', 'denied', 'revoked']) assert.match(everything, new RegExp(`"(event|action)":"${event}"`));
      if (name.includes('files')) assert.deepEqual(readdirSync(folder).sort(), ['audit', 'revoked']);
      const canaries = [...Object.values(gateway.secrets), ...Object.values(secrets), redis.password, ROW, TENANT, CLAIM, PARAM, NAME, ECHO, URL_PASSWORD, URL_PASSWORD.slice(0, 25)];
      const tokens = [...new Set(session.tokens)].filter((token) => token.split('.').length === 3);
      const parts = tokens.flatMap((token) => token.split('.').slice(1)).filter((part) => part.length > 15);
      assert.deepEqual(session.said.search([...new Set([...canaries, ...tokens, ...parts])]).map(({ where, spelling, around }) => ({ where, spelling, around })), []);
      for (const event of ['refused', 'configuration_kept', 'stopping']) assert.match(gateway.program.output, new RegExp(`"event":"${event}"`));
    });
  });
test('what is said would be found, in whatever spelling', () => {
  const secret = canary('planted');
  const bytes = Buffer.from(secret);
  const planted = [secret, bytes.toString('hex'), bytes.toString('hex').toUpperCase(), bytes.toString('base64url'), bytes.toString('base64'), encodeURIComponent(secret)];
  for (const before of ['', 'x', 'xy']) planted.push(Buffer.from(`${before}${secret}and more`).toString('base64'));
  for (const text of planted) {
    assert.equal(found(`{"level":"info","reason":"${text}"}`, [secret]).length > 0, true, text);
    const said = new Said();
    said.add('a place', `before ${text} after`);
    assert.equal(said.search([canary('other'), secret])[0]?.where, 'a place');
  }
  assert.deepEqual(found('{"level":"info","reason":"nothing"}', [secret]), []);
  const token = signHs256(newSecret(), { sub: 'planted', more: 'than a few characters' });
  for (const part of [token, ...token.split('.').slice(1)]) assert.throws(() => assertNoSecrets(`x ${part} y`, 'somebody'), /somebody says a secret/);
  assert.throws(() => assertNoSecrets(`x ${newSecret()} y`, 'somebody'));
  assert.ok(spellings(secret).length >= 6);
});
