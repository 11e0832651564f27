// An authorization API as a user would write it: it verifies who asks as docs/authorizers.md says, then answers what the test
// has told it to.
import { createHmac, timingSafeEqual } from 'node:crypto';
import http from 'node:http';
import { newSecret } from './secrets.js';

export class Callback {
  static async start() {
    const callback = new Callback();
    await callback.listen(0);
    return callback;
  }

  constructor() {
    this.secret = newSecret();
    this.questions = []; // { principal, shape } of each that was verified
    this.forgeries = 0;
    this.answer = () => ({ abstain: true }); // question → body; or a function of (response) that answers by itself
    this.server = http.createServer((request, response) => this.#take(request, response));
    this.server.unref(); // a failed test does not stop it
  }

  async listen(port) {
    await new Promise((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    this.port = this.server.address().port;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  // Configuration of an authorizer of this name; its secret is in CALLBACK_SECRET.
  section(name, more = '') {
    const url = `http://127.0.0.1:${this.port}/sluice/authorize`;
    return `\n[[authorizer]]\nname = "${name}"\nkind = "http"\nurl = "${url}"\nsecret_env = "CALLBACK_SECRET"\n${more}\n`;
  }

  get env() {
    return { CALLBACK_SECRET: this.secret };
  }

  async #take(request, response) {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const body = Buffer.concat(pieces);
    if (!isFromSluice(this.secret, request.headers, body)) {
      this.forgeries++;
      response.writeHead(401).end();
      return;
    }
    const question = JSON.parse(body);
    this.questions.push(question);
    const said = this.answer(question);
    if (typeof said === 'function') said(response);
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(said));
  }
}

function isFromSluice(secret, headers, body) {
  const timestamp = headers['sluice-timestamp'] ?? '';
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= 60)) return false;
  const expected = `v1=${createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex')}`;
  const given = Buffer.from(headers['sluice-signature'] ?? '');
  return given.length === expected.length && timingSafeEqual(given, Buffer.from(expected));
}
