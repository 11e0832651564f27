// `sluice dev`, and the lines it prints, run as they are printed.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { answers, BINARY } from './support/gateway.js';
import { freePort, Program, temporaryFolder } from './support/program.js';

let folder;
let port;
let dev;
before(async () => {
  folder = temporaryFolder('dev');
  port = await freePort();
  dev = startDev();
  await dev.until('prints how to stop it', () => dev.stdout.includes('Stop with Ctrl-C'), 60_000);
});
after(() => dev?.stop());

function startDev() {
  return new Program(BINARY, ['dev', '--listen', `127.0.0.1:${port}`], { cwd: folder, lastSignal: 'SIGTERM' });
}

// The printed commands by their number: { 1: 'curl …', … }.
function printedBlocks(text) {
  const blocks = {};
  let number;
  for (const line of text.split('\n')) {
    const heading = /^ {2}# (\d+)\./.exec(line);
    if (heading) blocks[(number = heading[1])] = '';
    else if (number && line.startsWith('  ')) blocks[number] += `${line}\n`;
    else if (line.trim()) number = undefined;
  }
  return blocks;
}

// One shell, as a person would use it: what a block sets, the next one has. Its output by block, read while it runs.
class Shell {
  constructor(blocks) {
    const script = Object.entries(blocks).map(([number, text]) => `printf '\\n== ${number}\\n'\n${text}`).join('\n');
    // A session of its own: the last command runs until it is cut off, with what it started.
    this.program = new Program('bash', ['-c', script], { cwd: folder, detached: true });
  }

  part(number) {
    const [, rest = ''] = this.program.stdout.split(`== ${number}\n`);
    return rest.split(/^== \d+$/m)[0];
  }

  async stop() {
    if (!this.program.ended) process.kill(-this.program.pid, 'SIGKILL');
    await this.program.exited;
  }
}

function rowsIn(text) {
  return text.trim().split('\n').map((line) => JSON.parse(line)).filter(({ value }) => value).map(({ value }) => value);
}

test('the printed lines do what they say', async () => {
  const blocks = printedBlocks(dev.stdout);
  assert.deepEqual(Object.keys(blocks), ['1', '2', '3', '4', '5']);
  const shell = new Shell(blocks);
  try {
    await shell.program.until('the new row arrives live', () => shell.part(5).includes('Mend the fish ladder'));

    const grant = JSON.parse(readFileSync(path.join(folder, '.sluice/grant.json'), 'utf8'));
    assert.equal(grant.url, `http://127.0.0.1:${port}/v1/shape`);
    assert.match(grant.headers.Authorization, /^Bearer /);

    const granted = rowsIn(shell.part(2));
    assert.equal(granted.length, 3);
    assert.ok(granted.every(({ org_id }) => org_id === '1'));

    const refusal = JSON.parse(shell.part(3));
    assert.equal(refusal.error, 'shape_forbidden');

    const named = rowsIn(shell.part(4));
    assert.equal(named.length, 2);
    assert.ok(named.every(({ org_id }) => org_id === '2'));
    assert.match(shell.part(5), /^data: .*"operation":"insert"/m);
  } finally {
    await shell.stop();
  }
});

test('the public shape needs no token', async () => {
  const response = await fetch(`http://127.0.0.1:${port}/v1/shapes/orgs?offset=-1`);
  assert.equal(response.status, 200);
  assert.match(await response.text(), /Lock & Key/);
});

test('it starts again in the same folder, and what it made before is still good', async () => {
  const token = readFileSync(path.join(folder, '.sluice/bob.jwt'), 'utf8').trim();
  await dev.stop();
  dev = startDev();
  await dev.until('is ready', () => answers(`http://127.0.0.1:${port}/readyz`), 60_000);
  const response = await fetch(`http://127.0.0.1:${port}/v1/shapes/items?offset=-1`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(response.status, 200);
  assert.match(await response.text(), /Count the salmon/);
});

test('SIGTERM ends it and its Postgres', async () => {
  const pid = Number(readFileSync(path.join(folder, '.sluice/postgres/data/postmaster.pid'), 'utf8').split('\n')[0]);
  process.kill(pid, 0); // throws unless it runs
  assert.deepEqual(await dev.stop('SIGTERM'), { code: 0, signal: null });
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});
