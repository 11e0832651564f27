// A configuration that changes while it is served: taken over as a whole, or not at all.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { Follower } from './support/follower.js';
import { embedded, Gateway, newSecret } from './support/gateway.js';
import { freePort } from './support/program.js';
import { rowsOf } from './support/schema.js';
import { get, queryOf, read, untilHeld, Waiting } from './support/shapes.js';
import { readToken } from './support/tokens.js';
import { withRows } from './support/world.js';

const RULE = `
[[rule]]
table = "items"
where = "org_id = $1"
params = ["{claims.org_id}"]

[[shape]]
name = "items"
table = "items"
where = "org_id = $1"
params = ["{claims.org_id}"]
`;
const OTHER_RULE = `
[[rule]]
table = "items"
where = "org_id = $1"
params = ["{claims.org_id}"]
when = "role = 'admin'"
`;
const NO_WATCH = '\n[reload]\nwatch = false\n';

let database, gateway;
withRows(200, (world) => ({ database } = world));

async function start(options = {}) {
  gateway = await Gateway.start({ origin: embedded(database), rules: RULE, sections: NO_WATCH, ...options });
}

// Until one more reload has this result, which the metrics say before the log does. The line that says it.
async function reloaded(result, begin = () => gateway.program.signal('SIGHUP')) {
  const event = result === 'ok' ? 'configuration_reloaded' : 'configuration_kept';
  // The last piece is no whole line yet.
  const lastLine = () => gateway.program.output.split('\n').slice(0, -1).findLast((line) => line.includes(`"${event}"`));
  const count = await gateway.metric('sluice_reloads_total', { result });
  const line = lastLine();
  begin();
  await gateway.program.until(
    `reload: ${result}`,
    async () => lastLine() !== line && (await gateway.metric('sluice_reloads_total', { result })) > count,
  );
  return JSON.parse(lastLine());
}

function takeOver(changes, result = 'ok') {
  gateway.configure(changes);
  return reloaded(result);
}

describe('what is taken over', () => {
  before(() => start());
  after(() => gateway?.stop());

  const named = async (token) => get(`${gateway.url}/v1/shapes/items`, 'offset=-1', { authorization: `Bearer ${token}` });
  const statusOfAsking = async (claims) => (await gateway.askGatekeeper('items', { token: gateway.identity(claims) })).status;

  test('H69: a rule that is gone grants no more, and what is held is ended and asks again', async () => {
    const grant = await gateway.grant({ org_id: 1 });
    const login = gateway.identity({ org_id: 1 });
    const polls = [
      (await Waiting.of(grant, gateway)).poll(),
      (await Waiting.at({ url: `${gateway.url}/v1/shapes/items`, query: '', headers: { authorization: `Bearer ${login}` } })).poll(),
    ];
    const streaming = await (await Waiting.of(grant, gateway)).stream();
    await untilHeld(gateway, 3);
    assert.equal((await named(login)).status, 200);

    await takeOver({ rules: OTHER_RULE });
    for (const { ended } of polls) {
      const answer = await ended;
      assert.equal(answer.status, 503);
      assert.equal(answer.json.error, 'policy_changed');
      assert.equal(answer.headers.get('retry-after'), '1');
    }
    await streaming.ended;
    await untilHeld(gateway, 0);
    assert.equal(await statusOfAsking({ org_id: 1 }), 403);
    assert.equal(await statusOfAsking({ org_id: 1, role: 'admin' }), 200);
    assert.equal((await named(login)).status, 403);
    // A grant is decided by itself alone, until it ends.
    assert.equal((await read(grant, gateway)).status, 200);
    await takeOver({ rules: RULE });
    assert.equal(await statusOfAsking({ org_id: 1 }), 200);
  });

  test('a client that is being held goes on', async () => {
    const follower = new Follower(await gateway.grant({ org_id: 1 }));
    await follower.upToDate();
    await untilHeld(gateway, 1);
    await takeOver({ debug: true });
    await database.query(`UPDATE items SET title = title || '.' WHERE id = 1`);
    await follower.equals(await rowsOf(database, 1));
    follower.stop();
    assert.deepEqual(follower.errors, []);
    assert.equal(follower.refetches, 0);
    follower.assertClean();
    await takeOver({ debug: false });
  });

  test('/admin/policy is what is in force', async () => {
    const policy = async () => JSON.stringify(await (await gateway.admin('policy')).json());
    assert.doesNotMatch(await policy(), /role = 'admin'/);
    await takeOver({ rules: OTHER_RULE });
    assert.match(await policy(), /role = 'admin'/);
    await takeOver({ rules: RULE });
  });
});

describe('keys', () => {
  const key = (kid) => `\n[[gatekeeper.key]]\nkid = "${kid}"\nsecret_env = "E2E_KEY_${kid}"\n`;
  const keys = (...kids) => kids.map(key).join('');
  const kidOf = ({ headers }) => readToken(headers.Authorization.slice('Bearer '.length)).header.kid;
  before(() => start({ gatekeeper: keys('old'), env: { E2E_KEY_old: newSecret(), E2E_KEY_new: newSecret() } }));
  after(() => gateway?.stop());

  test('the gatekeeper\'s, replaced with an overlap', async () => {
    const old = await gateway.grant({ org_id: 1 });
    assert.equal(kidOf(old), 'old');
    await takeOver({ gatekeeper: keys('new', 'old') });
    const next = await gateway.grant({ org_id: 1 });
    assert.equal(kidOf(next), 'new');
    for (const grant of [old, next]) assert.equal((await read(grant, gateway)).status, 200);
    const held = (await Waiting.of(next, gateway)).poll();
    await untilHeld(gateway, 1);
    await takeOver({ gatekeeper: keys('new') });
    assert.equal((await held.ended).status, 503);
    assert.equal((await read(next, gateway)).status, 200);
    const refused = await read(old, gateway);
    assert.equal(refused.status, 401);
    assert.equal(refused.json.error, 'token_invalid');
  });
});

describe('what is not taken over', () => {
  before(() => start());
  after(() => gateway?.stop());

  test('a file with a fault: the old policy goes on, and the log says why', async () => {
    const held = (await Waiting.of(await gateway.grant({ org_id: 1 }), gateway)).poll();
    await untilHeld(gateway, 1);
    for (const [rules, why] of [
      [`${OTHER_RULE}wehre = "true"\n`, /rule\.wehre.*where/],
      [`${RULE}[[rule]]\ntable = "items"\nwhen = "role = "\n`, /when/],
      [`${OTHER_RULE}[[rule`, /sluice\.toml/],
    ]) {
      const { reason, level } = await takeOver({ rules }, 'failed');
      assert.match(reason, why);
      assert.equal(level, 'error');
      assert.equal((await gateway.askGatekeeper('items', { token: gateway.identity({ org_id: 1 }) })).status, 200);
    }
    await untilHeld(gateway, 1);
    await database.query('UPDATE items SET done = NOT done WHERE id = 1');
    assert.equal((await held.ended).status, 200);
    assert.equal(await gateway.metric('sluice_policy_revision'), 0);
    await takeOver({ rules: RULE });
  });

  test('what needs a restart: refused with its name, and nothing else beside it', async () => {
    const changes = {
      listen: { server: 'threads = 1', rules: OTHER_RULE },
      admin: { admin: '', rules: OTHER_RULE },
      revocation: { sections: `${NO_WATCH}[revocation]\nfile = "${gateway.folder}/revoked"\n`, rules: OTHER_RULE },
      limits: { sections: `${NO_WATCH}[limits]\nheader_count_max = 50\n`, rules: OTHER_RULE },
      audit: { sections: `${NO_WATCH}[audit]\nfile = "${gateway.folder}/audit"\n`, rules: OTHER_RULE },
    };
    const unchanged = gateway.options;
    for (const [name, change] of Object.entries(changes)) {
      const { reason } = await takeOver(change, 'failed');
      assert.match(reason, new RegExp(`^${name === 'listen' ? 'threads' : name}: .*restart`));
      assert.equal((await gateway.askGatekeeper('items', { token: gateway.identity({ org_id: 1 }) })).status, 200);
      gateway.options = unchanged;
    }
    const port = gateway.port;
    gateway.port = await freePort();
    gateway.configure({});
    gateway.port = port;
    assert.match((await reloaded('failed')).reason, /^listen: .*restart/);
    await takeOver({});
  });
});

test('a changed file is seen without a signal', async () => {
  await start({ sections: '' });
  await reloaded('ok', () => gateway.configure({ rules: OTHER_RULE }));
  assert.equal((await gateway.askGatekeeper('items', { token: gateway.identity({ org_id: 1 }) })).status, 403);
  await reloaded('failed', () => gateway.configure({ rules: '[[rule' }));
  await reloaded('ok', () => gateway.configure({ rules: RULE }));
  assert.equal((await gateway.askGatekeeper('items', { token: gateway.identity({ org_id: 1 }) })).status, 200);
  await gateway.stop();
});

test('H70: under load every request is answered by one configuration or the other', async () => {
  const REQUESTS = 2000;
  const RELOADS = 10;
  await start();
  const grant = await gateway.grant({ org_id: 1 });
  const target = `/v1/shape?${queryOf(grant.params, { offset: '-1' })}`;
  const login = gateway.identity({ org_id: 1 });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  const counts = {};
  const ask = (options) =>
    new Promise((resolve, reject) => {
      const request = http.request({ port: gateway.port, host: '127.0.0.1', agent, ...options }, (answer) => {
        answer.resume();
        answer.on('end', () => resolve((counts[answer.statusCode] = (counts[answer.statusCode] ?? 0) + 1)));
        answer.on('error', reject);
      });
      request.on('error', reject);
      request.end();
    });
  const kinds = [
    { path: target, headers: grant.headers },
    { path: '/v1/shapes/items?offset=-1', headers: { authorization: `Bearer ${login}` } },
    { path: '/gatekeeper/items', method: 'POST', headers: { authorization: `Bearer ${login}` } },
  ];
  let left = REQUESTS;
  let reloads = 0;
  // As long as either is wanted: a slow machine reloads fewer times while it answers.
  const client = async (n) => {
    for (; left > 0 || reloads < RELOADS; left--) await ask(kinds[n % kinds.length]);
  };
  const reloading = (async () => {
    for (; reloads < RELOADS; reloads++) await takeOver({ debug: reloads % 2 === 0 });
  })();
  await Promise.all([reloading, ...[0, 1, 2, 3, 4, 5].map(client)]);
  agent.destroy();
  assert.deepEqual(Object.keys(counts), ['200'], JSON.stringify(counts));
  assert.ok(counts[200] >= REQUESTS);
  assert.equal(await gateway.metric('sluice_policy_revision'), RELOADS);
  await gateway.stop();
});
