// A private Postgres: a fresh cluster in a temporary folder on a free port of the loopback, with logical decoding on.
// As root it runs as the user `postgres` (it refuses root), otherwise as the caller.
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { freePort, Program, temporaryFolder } from './program.js';

const SETTINGS = {
  wal_level: 'logical',
  max_wal_senders: 20,
  max_replication_slots: 20,
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  shared_buffers: '32MB',
  listen_addresses: '127.0.0.1',
  log_min_messages: 'warning',
};

// As the shape protocol prints values, whatever the machine's locale.
const DISPLAY = '-c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=iso_8601 -c bytea_output=hex -c extra_float_digits=1';

export class Cluster {
  static async start() {
    const folder = temporaryFolder('postgres');
    const user = serverUser();
    if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
    const data = path.join(folder, 'data');
    const bin = binaries();
    execFileSync(path.join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'], {
      ...user,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const port = await freePort();
    const settings = { ...SETTINGS, port, unix_socket_directories: folder };
    const options = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
    const command = [path.join(bin, 'postgres'), ['-D', data, ...options], { ...user, cwd: folder, lastSignal: 'SIGQUIT' }];
    const cluster = new Cluster(command, port);
    await cluster.launch();
    return cluster;
  }

  constructor(command, port) {
    this.command = command;
    this.port = port;
    this.count = 0;
  }

  // Also again after stop(), with the same port and data; sessions are gone then.
  async launch() {
    this.server = new Program(...this.command);
    await this.server.until('accepts connections', () => this.#accepts());
  }

  // A fresh database, its tables made by `schema`.
  async createDatabase(schema) {
    const name = `e2e_${++this.count}`;
    const admin = await connect(this.url('postgres'));
    await admin.query(`CREATE DATABASE ${name}`);
    await admin.end();
    const client = await connect(this.url(name));
    await client.query(schema);
    return new Database(this.url(name), name, client);
  }

  url(database) {
    return `postgresql://postgres@127.0.0.1:${this.port}/${database}`;
  }

  // Immediately; SIGINT: in good order, as fast as that goes.
  async stop(signal = 'SIGQUIT') {
    await this.server.stop(signal);
  }

  async #accepts() {
    try {
      await (await connect(this.url('postgres'))).end();
      return true;
    } catch {
      return false;
    }
  }
}

export class Database {
  constructor(url, name, client) {
    this.url = url;
    this.name = name;
    this.client = client;
  }

  #last = Promise.resolve();

  async query(sql, values) {
    return (await this.result(sql, values)).rows;
  }

  // As the driver has it. Several that are asked at once are answered one after the other.
  result(sql, values) {
    const answered = this.#last.then(() => this.client.query(sql, values));
    this.#last = answered.catch(() => {});
    return answered;
  }

  // One transaction of several statements.
  async transaction(...statements) {
    await this.client.query('BEGIN');
    for (const statement of statements) await this.client.query(statement);
    await this.client.query('COMMIT');
  }

  // Another session on the same database, to write at the same time.
  async session() {
    return new Database(this.url, this.name, await connect(this.url));
  }

  async close() {
    await this.client.end();
  }
}

async function connect(url) {
  const client = new pg.Client({ connectionString: url, options: DISPLAY, types: { getTypeParser } });
  client.on('error', () => {}); // the cluster is stopped while a connection is open: at the end of a test
  await client.connect();
  return client;
}

// Values as the shape client parses them by default.
const PARSERS = new Map([
  [pg.types.builtins.BOOL, (text) => text === 't'],
  [pg.types.builtins.INT2, Number],
  [pg.types.builtins.INT4, Number],
  [pg.types.builtins.INT8, BigInt],
  [pg.types.builtins.FLOAT4, Number],
  [pg.types.builtins.FLOAT8, Number],
  [pg.types.builtins.JSON, JSON.parse],
  [pg.types.builtins.JSONB, JSON.parse],
]);

function getTypeParser(type) {
  return PARSERS.get(type) ?? ((text) => text);
}

function binaries() {
  const candidates = ['/usr/lib/postgresql/15/bin'];
  try {
    candidates.unshift(execFileSync('pg_config', ['--bindir'], { encoding: 'utf8' }).trim());
  } catch {
    // not installed everywhere
  }
  const found = candidates.find((folder) => existsSync(path.join(folder, 'initdb')));
  if (!found) throw new Error(`no initdb in ${candidates.join(', ')}`);
  return found;
}

function serverUser() {
  if (process.getuid() !== 0) return {};
  const id = (flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
