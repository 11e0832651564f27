// Child processes that do not outlive the test file that started them, and folders that do not either.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';

const OUTPUT_CHARS_MAX = 1_000_000; // the newest are kept

const running = new Set();
const folders = new Set();

// What a failed test did not stop itself would keep the runner waiting for ever.
after(() => Promise.all([...running].map((program) => program.stop(program.lastSignal))));
process.on('exit', () => {
  for (const program of running) program.child.kill(program.lastSignal);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

export class Program {
  // Options beside spawn's: `lastSignal`, which ends the program where the test process ends without stop().
  constructor(command, args, { lastSignal = 'SIGKILL', ...options } = {}) {
    this.name = path.basename(command);
    this.lastSignal = lastSignal;
    this.stdout = '';
    this.output = '';
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    running.add(this);
    this.child.stdout.setEncoding('utf8').on('data', (text) => {
      this.stdout = (this.stdout + text).slice(-OUTPUT_CHARS_MAX);
      this.#append(text);
    });
    this.child.stderr.setEncoding('utf8').on('data', (text) => this.#append(text));
    // Both streams are at their end when `close` comes.
    this.exited = new Promise((resolve) => {
      this.child.once('error', (error) => this.#finish(resolve, { error }));
      this.child.once('close', (code, signal) => this.#finish(resolve, { code, signal }));
    });
  }

  get pid() {
    return this.child.pid;
  }

  // Memory that it occupies.
  get resident_bytes() {
    return 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))[1]);
  }

  // Files and connections that it has open.
  get descriptors() {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  signal(name) {
    if (!this.ended) this.child.kill(name);
  }

  // Resolves to { code, signal }.
  async stop(signal = 'SIGTERM') {
    this.signal(signal);
    return this.exited;
  }

  // Until `ready()` is true (asked again and again); an error with the program's output where it ends before that.
  async until(what, ready, limit_ms = 30_000) {
    const deadline = Date.now() + limit_ms;
    while (!(await ready())) {
      if (this.ended) throw new Error(`${this.name} ended (${JSON.stringify(this.ended)}) before: ${what}\n${this.output}`);
      if (Date.now() > deadline) throw new Error(`${this.name}: not within ${limit_ms} ms: ${what}\n${this.output}`);
      await pause(25);
    }
  }

  #append(text) {
    this.output = (this.output + text).slice(-OUTPUT_CHARS_MAX);
  }

  #finish(resolve, result) {
    running.delete(this);
    this.ended = result;
    resolve(result);
  }
}

export function pause(duration_ms) {
  return new Promise((resolve) => setTimeout(resolve, duration_ms));
}

// Removed at the end. Others may walk through it: Postgres runs as another user where the tests run as root.
export function temporaryFolder(name) {
  const folder = mkdtempSync(path.join(os.tmpdir(), `sluice-e2e-${name}-`));
  chmodSync(folder, 0o755);
  folders.add(folder);
  return folder;
}

// Below those that the kernel gives to connections (from 32,768): one of these is not taken before it is listened on.
export async function freePort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = net.createServer();
    const taken = await new Promise((resolve) => {
      server.once('error', () => resolve(true)).listen(port, '127.0.0.1', () => resolve(false));
    });
    if (taken) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
