// `sluice serve` and `sluice origin` as child processes, configured the way most tests need them.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, Program, temporaryFolder } from './program.js';
import { signHs256, withLifetime } from './tokens.js';

const HERE = path.dirname(fileURLToPath(import.meta.url));
export const BINARY = path.resolve(process.env.SLUICE ?? path.join(HERE, '../../../build/release/sluice'));

export const ALLOWED_ORIGIN = 'https://app.example';

const SECTIONS = `
[[rule]]
table = "items"
where = "org_id = $1"
params = ["{claims.org_id}"]

[[shape]]
name = "items"
table = "items"
where = "org_id = $1"
params = ["{claims.org_id}"]

[[shape]]
name = "items_full"
table = "items"
where = "org_id = $1"
params = ["{claims.org_id}"]
replica = "full"
`;

export function newSecret() {
  return randomBytes(32).toString('base64url');
}

// The gateway's embedded origin on a database; each has a slot of its own, which are the cluster's and not a database's.
export function embedded(database, { chunk_bytes = 10 * 1024 * 1024, long_poll_timeout_s = 20 } = {}) {
  const toml = `
database_url_env = "E2E_DATABASE_URL"
slot = "${database.name}"
publication = "${database.name}"
chunk_bytes = ${chunk_bytes}
long_poll_timeout_s = ${long_poll_timeout_s}
`;
  return { toml, env: { E2E_DATABASE_URL: database.url } };
}

export function remote(url, secret) {
  return { toml: `url = "${url}"\nsecret_env = "E2E_ORIGIN_SECRET"\n`, env: { E2E_ORIGIN_SECRET: secret } };
}

export class Gateway {
  // `origin` is embedded() or remote(); `sections` is more TOML, `env` what it refers to.
  static async start({ origin, ttl_s = 3600, debug = false, sections = '', env = {} }) {
    const gateway = new Gateway();
    gateway.secrets = { identity: newSecret(), gatekeeper: newSecret() };
    gateway.port = await freePort();
    gateway.adminPort = await freePort();
    gateway.url = `http://127.0.0.1:${gateway.port}`;
    gateway.env = {
      ...process.env,
      ...origin.env,
      ...env,
      E2E_GATEKEEPER_SECRET: gateway.secrets.gatekeeper,
      E2E_IDENTITY_SECRET: gateway.secrets.identity,
    };
    gateway.configPath = path.join(temporaryFolder('config'), 'sluice.toml');
    writeFileSync(gateway.configPath, configuration(gateway, { origin, ttl_s, debug, sections }));
    await gateway.launch();
    return gateway;
  }

  // Also again after kill(), with the same ports, keys and configuration.
  async launch() {
    this.program = new Program(BINARY, ['serve', '--config', this.configPath], { env: this.env });
    await this.program.until('is ready', () => answers(`${this.url}/readyz`));
  }

  stop() {
    return this.program.stop('SIGTERM');
  }

  kill() {
    return this.program.stop('SIGKILL');
  }

  // An identity token: who somebody is, as the application says.
  identity(claims, lifetime_s = 3600) {
    return signHs256(this.secrets.identity, withLifetime({ iss: 'e2e', sub: `user-of-${claims.org_id}`, ...claims }, lifetime_s));
  }

  askGatekeeper(table, { token, definition, ...init } = {}) {
    const headers = { ...init.headers };
    if (token) headers.authorization = `Bearer ${token}`;
    if (definition) headers['content-type'] = 'application/json';
    return fetch(`${this.url}/gatekeeper/${table}`, {
      method: 'POST',
      ...init,
      headers,
      body: definition && JSON.stringify(definition),
    });
  }

  // ShapeStream options as the gatekeeper answers them.
  async grant(claims, table = 'items', definition = undefined) {
    const response = await this.askGatekeeper(table, { token: this.identity(claims), definition });
    if (response.status !== 200) throw new Error(`gatekeeper: ${response.status} ${await response.text()}`);
    return response.json();
  }

  // The value of a counter or gauge, summed over its labels but for those given.
  async metric(name, labels = {}) {
    const text = await (await fetch(`http://127.0.0.1:${this.adminPort}/metrics`)).text();
    const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .filter((line) => wanted.every((label) => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  originRequests() {
    return this.metric('sluice_origin_requests_total');
  }
}

function configuration(gateway, { origin, ttl_s, debug, sections }) {
  return `
listen = ["127.0.0.1:${gateway.port}"]
public_url = "${gateway.url}"
debug = ${debug}

[admin]
listen = ["127.0.0.1:${gateway.adminPort}"]

[cors]
origins = ["${ALLOWED_ORIGIN}"]

[origin]
${origin.toml}
[gatekeeper]
secret_env = "E2E_GATEKEEPER_SECRET"
ttl_s = ${ttl_s}

[[identity]]
name = "app"
alg = "HS256"
secret_env = "E2E_IDENTITY_SECRET"
issuer = "e2e"
${SECTIONS}${sections}`;
}

// `sluice origin`: the bare shape API, standing in as an Electric.
export class BareOrigin {
  static async start(database, { secret, port }) {
    const origin = new BareOrigin();
    origin.url = `http://127.0.0.1:${port}`;
    const slot = ['--slot', database.name, '--publication', database.name];
    const address = ['--listen', `127.0.0.1:${port}`];
    origin.program = new Program(BINARY, ['origin', '--database-url', database.url, '--secret', secret, ...slot, ...address]);
    await origin.program.until('is ready', () => answers(`${origin.url}/v1/health`));
    return origin;
  }

  stop() {
    return this.program.stop('SIGTERM');
  }
}

export async function answers(url) {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}
