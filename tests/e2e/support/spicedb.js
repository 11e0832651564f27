// SpiceDB for a test: its real engine in a program of its own (spicedb_server.js), which ends with the test.
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

import { Program } from './program.js';

const SERVER = path.join(path.dirname(fileURLToPath(import.meta.url)), 'spicedb_server.js');

export class SpiceDb {
  // { schema, relationships: ['org:1#member@user:alice'], token, tls: { key, cert } }; only the schema must be.
  static async start(options) {
    const spicedb = new SpiceDb();
    spicedb.program = new Program(process.execPath, [SERVER], { stdio: ['pipe', 'pipe', 'pipe'] });
    spicedb.#answers = readline.createInterface({ input: spicedb.program.child.stdout })[Symbol.asyncIterator]();
    const { port } = await spicedb.tell(options);
    spicedb.endpoint = `127.0.0.1:${port}`;
    return spicedb;
  }

  #answers;

  // One command of spicedb_server.js and its answer; one at a time.
  async tell(command) {
    this.program.child.stdin.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`SpiceDB ended: ${this.program.output}`);
    return JSON.parse(value);
  }

  async write(...relationships) {
    return (await this.tell({ write: relationships })).zedToken;
  }

  async delete(...relationships) {
    return (await this.tell({ delete: relationships })).zedToken;
  }

  async stop() {
    return this.program.stop();
  }
}
