// Requests of the shape protocol as they are: what a client makes of the answers is not in the way.
import assert from 'node:assert/strict';
import http from 'node:http';

const EVENTS_LIMIT_MS = 30_000;

// `query` is text, or an object of parameters. Resolves to { status, headers, text, json } (json: undefined where it is none).
export function ask(origin, query, { method = 'GET', headers = {}, body, path = '/v1/shape' } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(origin.url, { path: target(path, query), method, headers, agent: false });
    request.on('error', reject);
    request.on('response', async (response) => {
      const parts = [];
      try {
        for await (const part of response) parts.push(part);
      } catch (error) {
        return reject(error);
      }
      const text = Buffer.concat(parts).toString();
      resolve({ status: response.statusCode, headers: response.headers, text, json: parsed(text) });
    });
    request.end(typeof body === 'object' ? JSON.stringify(body) : body);
  });
}

// An event stream, read as it comes.
export class Events {
  static open(origin, query) {
    return new Promise((resolve, reject) => {
      const headers = { accept: 'text/event-stream' };
      const request = http.request(origin.url, { path: target('/v1/shape', query), headers, agent: false });
      request.on('error', reject);
      request.on('response', (response) => resolve(new Events(response)));
      request.end();
    });
  }

  constructor(response) {
    this.status = response.statusCode;
    this.headers = response.headers;
    this.messages = [];
    this.comments = []; // { text, at_ms } of each
    this.ended = new Promise((resolve) => response.once('close', resolve));
    this.closed = false;
    this.ended.then(() => (this.closed = true));
    this.response = response;
    this.text = '';
    response.on('error', () => {}); // cut by the server: `ended` tells
    response.setEncoding('utf8').on('data', (text) => this.#take(text));
  }

  // The messages so far, once `enough(messages)`.
  async until(enough) {
    const deadline = Date.now() + EVENTS_LIMIT_MS;
    while (!enough(this.messages)) {
      assert.ok(!this.closed, `the stream ended with ${JSON.stringify(this.messages)}`);
      assert.ok(Date.now() < deadline, `not within ${EVENTS_LIMIT_MS} ms: ${enough}\n${JSON.stringify(this.messages)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return this.messages;
  }

  close() {
    this.response.destroy();
  }

  // Events end with an empty line; each is one line of data, or a comment.
  #take(text) {
    const events = (this.text + text).split('\n\n');
    this.text = events.pop();
    for (const event of events) {
      if (event.startsWith('data: ')) this.messages.push(JSON.parse(event.slice('data: '.length)));
      else this.comments.push({ text: event, at_ms: Date.now() });
    }
  }
}

// Pages from `offset` on until the shape is up to date: [{ query, answer }]. The last is the one that says so.
export async function readAll(origin, query, from = { offset: '-1' }) {
  const pages = [];
  let position = from;
  for (;;) {
    const answer = await ask(origin, { ...query, ...position });
    assert.equal(answer.status, 200, answer.text);
    pages.push({ query: { ...query, ...position }, answer });
    if ('electric-up-to-date' in answer.headers) return pages;
    position = positionOf(answer);
  }
}

// Where a client goes on after this answer.
export function positionOf(answer) {
  return { offset: answer.headers['electric-offset'], handle: answer.headers['electric-handle'] };
}

// The operations of an answer, without what controls.
export function operations(messages) {
  return messages.filter(({ headers }) => headers.operation);
}

function target(path, query) {
  if (query === undefined || query === '') return path;
  const text = typeof query === 'string' ? query : new URLSearchParams(query).toString();
  return `${path}?${text}`;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
