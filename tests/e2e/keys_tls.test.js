// Key sets over https: from servers whose certificate is good, and from none else.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import https from 'node:https';
import { after, before, describe, test } from 'node:test';
import { Authority } from './support/certificates.js';
import { Gateway, newSecret, remote } from './support/gateway.js';
import { pause } from './support/program.js';
import { signEdDsa, withLifetime } from './support/tokens.js';
import { Upstream } from './support/upstream.js';

const AUDIENCE = 'https://sync.example';
const HOST = 'localhost';
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const KEY_SET = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'EdDSA', use: 'sig' }] };

// An issuer's keys and its OpenID configuration, for whoever takes its certificate.
class Issuer {
  static async start(name, certificate) {
    const issuer = new Issuer();
    issuer.name = name;
    issuer.requests = 0;
    issuer.refusals = 0;
    issuer.server = https.createServer(certificate, (request, response) => issuer.#answer(request, response));
    issuer.server.on('tlsClientError', () => issuer.refusals++);
    issuer.server.unref(); // a failed test does not stop it
    await new Promise((resolve, reject) => issuer.server.once('error', reject).listen(0, '127.0.0.1', resolve));
    issuer.url = `https://${HOST}:${issuer.server.address().port}`;
    return issuer;
  }

  // `keys`: the line that says where they are; none where they are discovered.
  section(keys = `jwks_url = "${this.url}/jwks"`) {
    return `
[[identity]]
name = "${this.name}"
issuer = "${this.url}"
audience = "${AUDIENCE}"
${keys}
unknown_key_interval_s = 1
`;
  }

  token() {
    return signEdDsa(privateKey, withLifetime({ iss: this.url, aud: AUDIENCE, sub: 'alice', org_id: 1 }), { kid: 'one' });
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  #answer(request, response) {
    this.requests++;
    const configuration = { issuer: this.url, jwks_uri: `${this.url}/jwks` };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(request.url === '/jwks' ? KEY_SET : configuration));
  }
}

let upstream, gateway, good;
const issuers = {};
before(async () => {
  const [ours, theirs] = [new Authority(), new Authority()];
  good = ours.issue(HOST);
  issuers.named = await Issuer.start('named', good);
  issuers.discovered = await Issuer.start('discovered', good);
  issuers.other = await Issuer.start('other', ours.issue('other.example'));
  issuers.expired = await Issuer.start('expired', ours.issue(HOST, -1));
  issuers.untrusted = await Issuer.start('untrusted', theirs.issue(HOST));
  upstream = await Upstream.start();
  const sections = Object.values(issuers).map((issuer) => issuer.section(issuer === issuers.discovered ? '' : undefined));
  gateway = await Gateway.start({
    origin: remote(upstream.url, newSecret()),
    env: { SSL_CERT_FILE: ours.file, SSL_CERT_DIR: '/nowhere' },
    sections: sections.join(''),
    until: '/healthz', // those without keys keep it from being ready
  });
});
after(async () => {
  await gateway?.stop();
  await upstream?.stop();
  Object.values(issuers).forEach((issuer) => issuer.stop());
});

async function statusOf(issuer) {
  const response = await fetch(`${gateway.url}/v1/shapes/items?offset=-1`, { headers: { authorization: `Bearer ${issuer.token()}` } });
  await response.arrayBuffer();
  return response.status;
}

async function untilAllowed(issuer) {
  const deadline = Date.now() + 30_000;
  while ((await statusOf(issuer)) !== 200) {
    assert.ok(Date.now() < deadline, `no keys of ${issuer.name} in time\n${gateway.program.output}`);
    await pause(50);
  }
}

for (const name of ['named', 'discovered'])
  test(`a good certificate, keys ${name}: its tokens are good`, async () => {
    await untilAllowed(issuers[name]);
    assert.equal(issuers[name].refusals, 0);
    assert.ok(issuers[name].requests >= 1);
  });

describe('J28: certificates that are not good', () => {
  for (const [name, what] of Object.entries({ other: "another host's name", expired: 'an end that has passed', untrusted: 'an unknown authority' }))
    test(`${what}: nothing is asked, and no token is good before there is a good one`, async () => {
      const issuer = issuers[name];
      await gateway.program.until('was refused', () => issuer.refusals > 0);
      const status = await statusOf(issuer);
      assert.ok([401, 503].includes(status), `${status}`);
      assert.equal(issuer.requests, 0);
      assert.equal(await statusOf(issuers.named), 200, 'the others are as good as before');
      issuer.server.setSecureContext(good);
      await untilAllowed(issuer);
    });
});
