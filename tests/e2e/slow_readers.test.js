// Clients that ask for much and take nothing: they hold one copy of it together, keep nobody waiting, and are cut off in the end.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { Cluster } from './support/cluster.js';
import { Follower } from './support/follower.js';
import { BareOrigin, embedded, Gateway } from './support/gateway.js';
import { pause, temporaryFolder } from './support/program.js';

const MB = 1024 * 1024;
const CHUNK_BYTES = 10 * MB;
const CHUNKS = 2;
const READERS = 40;
const WRITE_TIMEOUT_S = 3;
// Each chunk once, whoever waits for it; beside it little for each connection. A copy each would be 400 MB.
const RESIDENT_BYTES_MAX = CHUNKS * (CHUNK_BYTES + MB) + READERS * 64 * 1024 + 16 * MB;
const OTHERS_ANSWERED_MIN = 20; // while all of the slow ones are there; some hundreds where nothing else is going on

// More than a chunk, and that is far more than the kernel takes for a connection that nobody reads. Listeners that begin at places of
// their own share nothing of it: each has a small piece. Beside that there is the log's own, the same on its way from the database
// and into the files. The rest of the chunk for each would be 360 MB.
const LISTENERS = 40;
const TRANSACTIONS = 12;
const EVENTS_EACH = 64;
const EVENT_BYTES = 16 * 1024;
const LISTENED_BYTES_MAX = LISTENERS * 256 * 1024 + 3 * TRANSACTIONS * EVENTS_EACH * EVENT_BYTES;

const SCHEMA = `
CREATE TABLE items (id int PRIMARY KEY, org_id int NOT NULL, title text);
INSERT INTO items SELECT i, 1, repeat(md5(i::text), 64) FROM generate_series(1, ${(CHUNKS * CHUNK_BYTES) / 2048}) i;
INSERT INTO items SELECT i, 2, 'few' FROM generate_series(1000001, 1000010) i;
`;

const gateways = {};
let cluster, database;
before(async () => {
  cluster = await Cluster.start();
  database = await cluster.createDatabase(SCHEMA);
  const limits = { sections: `\n[limits]\nwrite_timeout_s = ${WRITE_TIMEOUT_S}\n` };
  gateways.memory = await Gateway.start({ origin: embedded(database), ...limits });
  const second = { ...database, name: `${database.name}_folder`, url: database.url };
  gateways.folder = await Gateway.start({ origin: embedded(second, { storage: temporaryFolder('storage') }), ...limits });
});
after(async () => {
  await gateways.memory?.stop();
  await gateways.folder?.stop();
  await cluster?.stop();
});

const bearer = (gateway, org_id) => ({ authorization: `Bearer ${gateway.identity({ org_id })}` });

async function readPage(gateway, org_id, query) {
  const response = await fetch(`${gateway.url}/v1/shapes/items?${new URLSearchParams(query)}`, { headers: bearer(gateway, org_id) });
  assert.equal(response.status, 200);
  const text = await response.text();
  return { text, offset: response.headers.get('electric-offset'), handle: response.headers.get('electric-handle') };
}

// The places of the large shape's chunks, once all are there.
async function chunksOf(gateway) {
  const chunks = [{ query: { offset: '-1' } }];
  while (chunks.length <= CHUNKS) {
    const page = await readPage(gateway, 1, chunks.at(-1).query);
    Object.assign(chunks.at(-1), { bytes: page.text.length, sha256: createHash('sha256').update(page.text).digest('hex') });
    chunks.push({ query: { offset: page.offset, handle: page.handle } });
  }
  return chunks.slice(0, CHUNKS);
}

// A connection that asks, and takes what comes when told to: nothing, or as many bytes at a time as its buffer holds.
class SlowReader {
  constructor(port, target, headers = {}, bytes = 1) {
    this.received = 0;
    this.ended = false;
    const take = (length, buffer) => {
      this.received += length;
      this.onBytes?.(buffer.subarray(0, length));
      return false; // no more before resume()
    };
    const fields = { host: `127.0.0.1:${port}`, connection: 'close', ...headers };
    const lines = [`GET ${target} HTTP/1.1`, ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`)];
    this.socket = net.connect({ port, host: '127.0.0.1', onread: { buffer: Buffer.alloc(bytes), callback: take } });
    this.socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) => this.socket.once('close', resolve));
    this.socket.once('close', () => (this.ended = true));
    this.socket.pause();
    this.socket.unref(); // nor does a failed test wait for it
  }

  more() {
    if (!this.ended) this.socket.resume();
  }

  close() {
    this.socket.destroy();
  }
}

function slowReader(gateway, org_id, query, bytes) {
  return new SlowReader(gateway.port, `/v1/shapes/items?${new URLSearchParams(query)}`, bearer(gateway, org_id), bytes);
}

// How long each of the small requests takes that are made, one after the other, while something is so.
async function askWhile(gateway, condition) {
  const took_ms = [];
  for (let began = performance.now(); condition(); began = performance.now()) {
    const { text } = await readPage(gateway, 2, { offset: '-1' });
    assert.equal(JSON.parse(text).filter(({ value }) => value).length, 10);
    if (condition()) took_ms.push(performance.now() - began);
    await pause(5);
  }
  return took_ms.sort((a, b) => a - b);
}

for (const kind of ['memory', 'folder'])
  test(`shapes in ${kind === 'memory' ? 'memory' : 'a folder'}: who reads nothing or a byte at a time holds no memory of its own and delays nobody`, async (t) => {
    const gateway = gateways[kind];
    const { program } = gateway;
    const chunks = await chunksOf(gateway);
    assert.ok(chunks[0].bytes >= CHUNK_BYTES && chunks[0].bytes < CHUNK_BYTES + MB);
    await readPage(gateway, 2, { offset: '-1' });
    await pause(100); // what those requests have left is closed
    const [resident, descriptors] = [program.resident_bytes, program.descriptors];

    const readers = Array.from({ length: READERS }, (_, i) => slowReader(gateway, 1, chunks[i % CHUNKS].query));
    const ticking = setInterval(() => readers.forEach((reader, i) => i % 2 === 0 && reader.more()), 1000).unref();
    const allThere = () => program.descriptors >= descriptors + READERS;
    await program.until('has taken all', allThere);
    let peak = 0;
    const sampling = setInterval(() => (peak = Math.max(peak, program.resident_bytes)), 20).unref();
    const took_ms = await askWhile(gateway, allThere);
    await program.until('has cut them off', () => program.descriptors <= descriptors + 2);
    clearInterval(sampling);
    clearInterval(ticking);
    readers.forEach((reader) => reader.close());

    const at = (share) => took_ms[Math.floor(share * (took_ms.length - 1))].toFixed(1);
    t.diagnostic(`${READERS} readers: memory from ${Math.round(resident / MB)} to ${Math.round(peak / MB)} MB at most`);
    t.diagnostic(`others meanwhile: ${took_ms.length} answers, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, at most ${at(1)} ms`);
    assert.ok(peak - resident < RESIDENT_BYTES_MAX, `${peak - resident} bytes`);
    assert.ok(took_ms.length >= OTHERS_ANSWERED_MIN, `${took_ms.length}: nobody waits until the slow ones are cut off`);
  });

test('who reads slowly, but reads, gets all of it, however long that takes', async () => {
  const [chunk] = await chunksOf(gateways.folder);
  const pieces = [];
  const reader = slowReader(gateways.folder, 1, chunk.query, 64 * 1024);
  reader.onBytes = (bytes) => pieces.push(Buffer.from(bytes));
  const began = Date.now();
  const ticking = setInterval(() => reader.more(), 20).unref();
  await reader.closed;
  clearInterval(ticking);
  assert.ok(Date.now() - began > WRITE_TIMEOUT_S * 1000);
  const body = Buffer.concat(pieces);
  assert.equal(createHash('sha256').update(body.subarray(body.indexOf('\r\n\r\n') + 4)).digest('hex'), chunk.sha256);
});

test('who listens to events and takes none of them holds a small piece of them and is cut off, and the others have them all', async (t) => {
  const gateway = gateways.folder;
  const { program } = gateway;
  const follower = new Follower({ url: `${gateway.url}/v1/shapes/items`, headers: bearer(gateway, 2), liveSse: true });
  await follower.upToDate();
  const { handle, offset } = await readPage(gateway, 2, { offset: 'now' });
  await follower.until('it listens', () => follower.requests.at(-1).type === 'text/event-stream');
  const [resident, descriptors] = [program.resident_bytes, program.descriptors];
  let peak = 0;
  const sampling = setInterval(() => (peak = Math.max(peak, program.resident_bytes)), 20).unref();
  for (let i = 0; i < TRANSACTIONS; ++i) {
    const ids = 2_000_000 + i * EVENTS_EACH;
    const insert = 'INSERT INTO items SELECT i, 2, repeat($3, $4) FROM generate_series($1::int, $2::int) i';
    await database.query(insert, [ids, ids + EVENTS_EACH - 1, 'x', EVENT_BYTES]);
  }
  await follower.equals(await database.query('SELECT * FROM items WHERE org_id = 2 ORDER BY id'));
  const events = JSON.parse((await readPage(gateway, 2, { offset, handle })).text).filter(({ value }) => value);
  const places = events.slice(0, LISTENERS).map(({ headers }) => `${headers.lsn}_${headers.op_position}`);
  const query = { handle, live: true, live_sse: true };
  const readers = places.map((offset) => slowReader(gateway, 2, { ...query, offset }));
  await program.until('has taken all', () => program.descriptors >= descriptors + LISTENERS);
  await database.query(`UPDATE items SET title = 'one more' WHERE id = 2000000`);
  await follower.equals(await database.query('SELECT * FROM items WHERE org_id = 2 ORDER BY id'));
  follower.assertClean();
  await program.until('has cut them off', () => program.descriptors <= descriptors + 2);
  clearInterval(sampling);
  readers.forEach((reader) => reader.close());
  follower.stop();
  t.diagnostic(`${readers.length} listeners to ${(TRANSACTIONS * EVENTS_EACH * EVENT_BYTES) / MB} MB: memory from ${Math.round(resident / MB)} to ${Math.round(peak / MB)} MB at most`);
  assert.equal(readers.length, LISTENERS);
  assert.ok(peak - resident < LISTENED_BYTES_MAX, `${peak - resident} bytes`);
});

test('a bare origin cuts them off after the write timeout that it was given', async () => {
  const other = await cluster.createDatabase(SCHEMA);
  const origin = await BareOrigin.start(other, { args: ['--write-timeout', '1'] });
  const { program } = origin;
  const target = '/v1/shape?table=items&offset=-1';
  assert.equal((await fetch(origin.url + target)).status, 200);
  await pause(100);
  const before = program.descriptors;
  const began = Date.now();
  const readers = Array.from({ length: 10 }, () => new SlowReader(origin.port, target));
  await program.until('has taken all', () => program.descriptors >= before + readers.length);
  await program.until('has cut them off', () => program.descriptors <= before + 2, 20_000); // before the default of 30 s
  assert.ok(Date.now() - began >= 1000);
  readers.forEach((reader) => reader.close());
  await origin.stop();
  await other.close();
});
