// An origin that answers every shape with one row and remembers what it was asked: the witness of what passes a gateway.
import http from 'node:http';

export class Upstream {
  static async start() {
    const upstream = new Upstream();
    upstream.requests = []; // { method, url, headers, body }
    upstream.server = http.createServer((request, response) => upstream.#answer(request, response));
    await new Promise((resolve) => upstream.server.listen(0, '127.0.0.1', resolve));
    upstream.server.unref(); // a failed test does not stop it
    upstream.url = `http://127.0.0.1:${upstream.server.address().port}`;
    return upstream;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async #answer(request, response) {
    let body = '';
    for await (const bytes of request) body += bytes;
    this.requests.push({ method: request.method, url: request.url, headers: request.headers, body });
    response.writeHead(200, {
      'content-type': 'application/json',
      'cache-control': 'public, max-age=604800, s-maxage=3600, stale-while-revalidate=2629746',
      'surrogate-control': 'max-age=3600',
      'access-control-allow-origin': '*',
      'set-cookie': 'of=the-origin',
      'x-of-the-origin': 'not for clients',
      'electric-handle': '1234-5678',
      'electric-offset': '0_0',
      'electric-schema': '{"id":{"type":"int8","pk_index":0}}',
      etag: '"1234-5678:-1:0_0"',
    });
    response.end('[{"key":"\\"public\\".\\"items\\"/\\"1\\"","value":{"id":"1"},"headers":{"operation":"insert"}}]');
  }
}
