// `sluice serve` and `sluice origin` as child processes, configured the way most tests need them. When one ends, what it has
// said is searched for every secret and token of the tests.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, Program, temporaryFolder } from './program.js';
import { assertNoSecrets, newSecret, rememberToken } from './secrets.js';
import { signHs256, withLifetime } from './tokens.js';

const HERE = path.dirname(fileURLToPath(import.meta.url));
export const BINARY = path.resolve(process.env.SLUICE ?? path.join(HERE, '../../../build/release/sluice'));

export const ALLOWED_ORIGIN = 'https://app.example';

export const SECTIONS = `
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

export { newSecret };

// The gateway's embedded origin on a database; each has a slot of its own, which are the cluster's and not a database's.
// Without `storage`, a folder, its shapes are in memory.
export function embedded(database, { chunk_bytes = 10 * 1024 * 1024, long_poll_timeout_s = 20, storage } = {}) {
  const toml = `
database_url_env = "E2E_DATABASE_URL"
slot = "${database.name}"
publication = "${database.name}"
chunk_bytes = ${chunk_bytes}
long_poll_timeout_s = ${long_poll_timeout_s}
${storage ? `storage = "${storage}"` : ''}
`;
  return { toml, env: { E2E_DATABASE_URL: database.url } };
}

export function remote(url, secret) {
  return { toml: `url = "${url}"\nsecret_env = "E2E_ORIGIN_SECRET"\n`, env: { E2E_ORIGIN_SECRET: secret } };
}

export class Gateway {
  // `origin` is embedded() or remote(); `sections` is more TOML, `env` what it refers to; `rules` stands in place of the rule
  // and the shapes above, `gatekeeper` of that section's key; `server`, `admin` are more keys of theirs; `cors` the origin let
  // in; `until` the path whose 200 is waited for. `beside` is a gateway that this one stands beside, behind one balancer: with the
  // same keys and public URL.
  static async start({ env = {}, beside, ...options }) {
    const gateway = new Gateway();
    gateway.secrets = beside?.secrets ?? { identity: newSecret(), gatekeeper: newSecret(), admin: newSecret() };
    gateway.port = await freePort();
    gateway.adminPort = await freePort();
    gateway.url = `http://127.0.0.1:${gateway.port}`;
    gateway.publicUrl = beside?.publicUrl ?? gateway.url;
    gateway.adminUrl = `http://127.0.0.1:${gateway.adminPort}`;
    gateway.env = {
      ...process.env,
      ...options.origin.env,
      ...env,
      E2E_GATEKEEPER_SECRET: gateway.secrets.gatekeeper,
      E2E_IDENTITY_SECRET: gateway.secrets.identity,
      E2E_ADMIN_TOKEN: gateway.secrets.admin,
    };
    gateway.folder = temporaryFolder('config');
    gateway.configPath = path.join(gateway.folder, 'sluice.toml');
    gateway.options = options;
    gateway.configure({});
    await gateway.launch();
    return gateway;
  }

  // Writes the configuration anew, with these options changed. What runs learns of it by SIGHUP, or by watching the file.
  configure(changes) {
    this.options = { ...this.options, ...changes };
    writeFileSync(this.configPath, configuration(this, this.options));
  }

  // Also again after kill(), with the same ports, keys and configuration.
  async launch() {
    this.program = new Program(BINARY, ['serve', '--config', this.configPath], { env: this.env });
    await this.program.until('is ready', () => answers(this.url + (this.options.until ?? '/readyz')));
  }

  async stop() {
    if (!this.program.ended) assertNoSecrets(await this.metrics(), 'sluice serve at /metrics');
    return this.#end('SIGTERM');
  }

  kill() {
    return this.#end('SIGKILL');
  }

  async #end(signal) {
    const ended = await this.program.stop(signal);
    assertNoSecrets(this.program.output, 'sluice serve');
    return ended;
  }

  // A command of the program beside the one that serves, with the same environment: { code, stdout, stderr }.
  run(...args) {
    return new Promise((resolve) =>
      execFile(BINARY, args, { env: this.env }, (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr })),
    );
  }

  // A call of the operator's, POST where it has a body.
  admin(call, body, headers = { authorization: `Bearer ${this.secrets.admin}` }) {
    return fetch(`${this.adminUrl}/admin/${call}`, body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) });
  }

  async revoke(whom) {
    const response = await this.admin('revoke', whom);
    if (response.status !== 200) throw new Error(`revoke: ${response.status} ${await response.text()}`);
    return response.json();
  }

  // An identity token: who somebody is, as the application says.
  identity(claims, lifetime_s = 3600) {
    return signHs256(this.secrets.identity, withLifetime({ iss: 'e2e', sub: `user-of-${claims.org_id}`, ...claims }, lifetime_s));
  }

  async askGatekeeper(table, { token, definition, ...init } = {}) {
    const headers = { ...init.headers };
    if (token) headers.authorization = `Bearer ${token}`;
    if (definition) headers['content-type'] = 'application/json';
    const response = await fetch(`${this.url}/gatekeeper${table && `/${table}`}`, {
      method: 'POST',
      ...init,
      headers,
      body: definition && JSON.stringify(definition),
    });
    for (const [token] of (await response.clone().text()).matchAll(TOKEN)) rememberToken(token);
    return response;
  }

  // ShapeStream options as the gatekeeper answers them.
  async grant(claims, table = 'items', definition = undefined) {
    const response = await this.askGatekeeper(table, { token: this.identity(claims), definition });
    if (response.status !== 200) throw new Error(`gatekeeper: ${response.status} ${await response.text()}`);
    return response.json();
  }

  async metrics() {
    return (await fetch(`${this.adminUrl}/metrics`)).text();
  }

  // The value of a counter or gauge, summed over its labels but for those given.
  async metric(name, labels = {}) {
    const text = await this.metrics();
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

const TOKEN = /eyJ[\w-]+\.[\w-]+\.[\w-]+/g;
const GATEKEEPER = 'secret_env = "E2E_GATEKEEPER_SECRET"';

function configuration(gateway, options) {
  const { origin, ttl_s = 3600, debug = false, server = '', admin = 'token_env = "E2E_ADMIN_TOKEN"' } = options;
  const { cors = ALLOWED_ORIGIN, gatekeeper = GATEKEEPER, rules = SECTIONS, sections = '' } = options;
  return `
listen = ["127.0.0.1:${gateway.port}"]
public_url = "${gateway.publicUrl}"
debug = ${debug}
${server}

[admin]
listen = ["127.0.0.1:${gateway.adminPort}"]
${admin}

[cors]
origins = ["${cors}"]

[origin]
${origin.toml}
[[identity]]
name = "app"
alg = "HS256"
secret_env = "E2E_IDENTITY_SECRET"
issuer = "e2e"

[gatekeeper]
ttl_s = ${ttl_s}
${gatekeeper}
${rules}${sections}`;
}

// `sluice origin`: the bare shape API, by itself or standing in as an Electric.
export class BareOrigin {
  // Without a secret it serves whoever can connect. `args` are more of the command's; its log is in a folder of its own, where
  // `storage` names none. `health` is the status that is waited for: 202 of one that stands by, or 'any'. `inside` is a command that runs
  // the one that follows it.
  static async start(database, { secret, port, args = [], storage = temporaryFolder('storage'), health = 200, inside = [] } = {}) {
    const origin = new BareOrigin();
    origin.inside = inside;
    origin.port = port ?? (await freePort());
    origin.url = `http://127.0.0.1:${origin.port}`;
    origin.args = ['origin', '--database-url', database.url, ...(secret ? ['--secret', secret] : ['--insecure'])];
    origin.args.push('--slot', database.name, '--publication', database.name, '--listen', `127.0.0.1:${origin.port}`);
    origin.args.push('--storage', storage, ...args);
    await origin.launch(health);
    return origin;
  }

  // Also again after kill(), as it was.
  async launch(health = 200) {
    const [command, ...args] = [...this.inside, BINARY, ...this.args];
    this.program = new Program(command, args);
    await this.program.until('is ready', () => answers(`${this.url}/v1/health`, health));
  }

  stop() {
    return this.#end('SIGTERM');
  }

  kill() {
    return this.#end('SIGKILL');
  }

  async #end(signal) {
    const ended = await this.program.stop(signal);
    assertNoSecrets(this.program.output, 'sluice origin');
    return ended;
  }
}

export async function answers(url, status = 200) {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return status === 'any' || response.status === status;
  } catch {
    return false;
  }
}
