// Single requests for shapes, as the client would make them, and those that are being held.
import assert from 'node:assert/strict';
import { pause } from './program.js';
import { now_s } from './tokens.js';

// The query of a grant's or a subset's `params`, as the gatekeeper answers them.
export function queryOf({ params = {}, columns, ...rest }, more = {}) {
  const query = new URLSearchParams(rest);
  if (columns) query.set('columns', columns.map((name) => `"${name}"`).join(','));
  for (const [n, value] of Object.entries(params)) query.set(`params[${n}]`, value);
  for (const [key, value] of Object.entries(more)) query.set(key, value);
  return query;
}

// One request with a grant: { status, headers, text, json }.
export async function get(url, query, headers) {
  const response = await fetch(`${url}?${query}`, { headers });
  const text = await response.text();
  const json = response.headers.get('content-type')?.startsWith('application/json') ? JSON.parse(text || 'null') : undefined;
  return { status: response.status, headers: response.headers, text, json };
}

// Of a grant, at one of the gateways that take it.
export function read(grant, gateway, more = {}) {
  return get(`${gateway.url}/v1/shape`, queryOf(grant.params, { offset: '-1', ...more }), grant.headers);
}

// Requests at the end of a shape's log, where the next is held for changes.
export class Waiting {
  // `options` are { url, query, headers } of a shape.
  static async at({ url, query, headers }) {
    const waiting = new Waiting();
    Object.assign(waiting, { url, headers, query: new URLSearchParams(query) });
    waiting.query.set('offset', 'now');
    const answer = await get(url, waiting.query, headers);
    assert.equal(answer.status, 200, answer.text);
    waiting.query.set('offset', answer.headers.get('electric-offset'));
    waiting.query.set('handle', answer.headers.get('electric-handle'));
    waiting.query.set('live', 'true');
    return waiting;
  }

  static of(grant, gateway) {
    return Waiting.at({ url: `${gateway.url}/v1/shape`, query: queryOf(grant.params), headers: grant.headers });
  }

  // Begins a long poll; its `ended` is { status, json, …, at_ms } once it is answered.
  poll() {
    this.ended = get(this.url, this.query, this.headers).then((answer) => ({ ...answer, at_ms: performance.now() }));
    return this;
  }

  // Begins an event stream; its `ended` is { status, text, at_ms } once it has ended.
  async stream() {
    const query = new URLSearchParams(this.query);
    query.set('live_sse', 'true');
    const response = await fetch(`${this.url}?${query}`, { headers: this.headers });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    this.ended = response.text().then((text) => ({ status: 200, text, at_ms: performance.now() }));
    return this;
  }
}

// Until the gateway holds so many requests.
export async function untilHeld(gateway, count) {
  await gateway.program.until(`${count} requests are held`, async () => (await gateway.metric('sluice_held_requests')) === count);
}

// Until a token that is issued now is newer than what was revoked before.
export async function nextSecond() {
  const before_s = now_s();
  while (now_s() <= before_s) await pause(20);
}
