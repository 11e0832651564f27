// Follows a shape with the published client, and keeps books on what the client is told.
import { Shape, ShapeStream } from '@electric-sql/client';
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { isDeepStrictEqual } from 'node:util';

// Retries soon: a test should not wait out a backoff made for production, nor (in #fetch) the seconds that an answer asks for.
const BACKOFF = { initialDelay: 50, maxDelay: 1000, multiplier: 1.5 };

// The client saves its bookkeeping for browsers once a minute, by a timer that would keep the process alive until then.
// No test waits for a timer alone: its programs keep the process alive.
const LONG_MS = 1000;
const setTimer = globalThis.setTimeout;
globalThis.setTimeout = (work, delay_ms, ...rest) => {
  const timer = setTimer(work, delay_ms, ...rest);
  return delay_ms > LONG_MS ? timer.unref() : timer;
};

// An onError for where servers are killed: an answer that is cut off in its middle is asked for again, which the client leaves
// to its user. Anything else ends the stream.
export function againWhereCutOff(error) {
  return isCutOff(error) ? {} : undefined;
}

function isCutOff(error) {
  return error instanceof TypeError && error.message === 'terminated';
}

const followers = new Set();
after(() => followers.forEach((follower) => follower.stop())); // those of failed tests

export class Follower {
  // `options` are ShapeStream's. Without an onError every error that reaches it ends the stream and the test.
  constructor(options) {
    this.requests = []; // { url, status, type } of each, in order
    this.text = ''; // every byte of every answer
    this.errors = []; // what reached onError
    this.failed = undefined; // the one after which the stream gave up
    this.refetches = 0;
    this.operations = { insert: 0, update: 0, delete: 0 };
    this.violations = []; // what a stream that neither loses nor repeats never says
    this.#keys = new Set();
    this.#abort = new AbortController();
    followers.add(this);
    const onError = (error) => {
      this.errors.push(error);
      return options.onError?.(error);
    };
    this.stream = new ShapeStream({
      backoffOptions: BACKOFF,
      warnOnHttp: false,
      ...options,
      onError,
      signal: this.#abort.signal,
      fetchClient: (input, init) => this.#fetch(input, init),
    });
    this.shape = new Shape(this.stream);
    this.stream.subscribe((messages) => this.#take(messages), (error) => (this.failed = error));
  }

  #keys;
  #abort;

  get rows() {
    return this.shape.currentRows.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  // Of the requests made, those that were held for changes and answered as `type`.
  liveAnswers(type) {
    return this.requests.filter(
      ({ url, status, type: got }) => status === 200 && url.searchParams.get('live') === 'true' && got?.startsWith(type),
    );
  }

  // Until `condition()`, asked at each batch of messages; at once if it holds already.
  async until(what, condition, limit_ms = 60_000) {
    const deadline = Date.now() + limit_ms;
    while (!condition()) {
      if (this.failed) throw this.failed;
      if (Date.now() > deadline) throw new Error(`not within ${limit_ms} ms: ${what}\n${this.#summary()}`);
      await this.#nextBatch(100);
    }
  }

  async upToDate() {
    await this.until('up to date', () => this.shape.isUpToDate);
  }

  // Until the shape is what the database has. Call it when nobody writes any more.
  async equals(expected) {
    const same = () =>
      this.shape.isUpToDate && this.shape.currentValue.size === expected.length && isDeepStrictEqual(this.rows, plain(expected));
    await this.until('the shape equals SELECT', same, 30_000).catch((error) => {
      const { missing, extra, different } = difference(this.rows, plain(expected));
      assert.fail(
        `${error.message}\n${missing.length} missing: ${show(missing)}\n${extra.length} extra: ${show(extra)}\n` +
          `${different.length} different: ${show(different)}`,
      );
    });
  }

  // Of what reached onError, all but answers that were cut off.
  get complaints() {
    return this.errors.filter((error) => !isCutOff(error));
  }

  // Nothing was lost or repeated on the way, whatever the result.
  assertClean() {
    assert.deepEqual(this.violations.slice(0, 5), []);
  }

  stop() {
    this.#abort.abort();
  }

  #take(messages) {
    for (const { headers, key, value } of messages) {
      if (headers.control === 'must-refetch') {
        this.refetches++;
        this.#keys.clear();
      }
      if (!headers.operation) continue;
      this.operations[headers.operation]++;
      this.#check(headers.operation, key, value);
    }
  }

  #check(operation, key, value) {
    const known = this.#keys.has(key);
    if (known === (operation === 'insert')) this.violations.push({ operation, key, known, value });
    if (operation === 'insert') this.#keys.add(key);
    if (operation === 'delete') this.#keys.delete(key);
  }

  #nextBatch(limit_ms) {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        unsubscribe();
        resolve();
      };
      const timer = setTimeout(done, limit_ms);
      const unsubscribe = this.stream.subscribe(done, done);
    });
  }

  async #fetch(input, init) {
    const request = { url: new URL(String(input)), headers: init?.headers };
    this.requests.push(request);
    const response = await fetch(input, init);
    request.status = response.status;
    request.type = response.headers.get('content-type');
    if (!response.body) return response;
    const [mine, theirs] = response.body.tee();
    this.#keepText(mine).catch(() => {}); // an aborted request ends here too
    const headers = new Headers(response.headers);
    headers.delete('retry-after');
    return new Response(theirs, { status: response.status, statusText: response.statusText, headers });
  }

  async #keepText(body) {
    const decoder = new TextDecoder();
    for await (const bytes of body) this.text += decoder.decode(bytes, { stream: true });
  }

  #summary() {
    const last = this.requests.slice(-5).map(({ url, status }) => `${status} ${url.search}`);
    return `${JSON.stringify(this.operations)} refetches ${this.refetches}, the last requests:\n${last.join('\n')}`;
  }
}

// Rows of a driver have a prototype of their own.
function plain(rows) {
  return rows.map((row) => ({ ...row }));
}

function difference(got, wanted) {
  const gotById = new Map(got.map((row) => [row.id, row]));
  const wantedById = new Map(wanted.map((row) => [row.id, row]));
  return {
    missing: wanted.filter(({ id }) => !gotById.has(id)),
    extra: got.filter(({ id }) => !wantedById.has(id)),
    different: wanted
      .filter((row) => gotById.has(row.id) && !isDeepStrictEqual(row, gotById.get(row.id)))
      .map((row) => ({ wanted: row, got: gotById.get(row.id) })),
  };
}

function show(list) {
  return JSON.stringify(list.slice(0, 3), (_, value) => (typeof value === 'bigint' ? `${value}n` : value)).slice(0, 1000);
}
