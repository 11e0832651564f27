// Requests byte for byte, as no client would send them.
import net from 'node:net';

// Sends the text and reads until the server closes. The text should ask for that: `Connection: close`.
// Resolves to { status, headers, body }.
export function exchange(port, text) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(text, 'latin1'));
    const parts = [];
    socket.setTimeout(30_000, () => socket.destroy(new Error(`no answer to ${text.slice(0, 80)}`)));
    socket.on('data', (bytes) => parts.push(bytes));
    socket.on('error', reject);
    socket.on('end', () => resolve(parse(Buffer.concat(parts).toString('latin1'))));
  });
}

// One request with this target exactly.
export function ask(port, method, target, fields = {}, body = '') {
  const all = { Host: `127.0.0.1:${port}`, Connection: 'close', ...fields };
  if (body) all['Content-Length'] = Buffer.byteLength(body);
  const lines = Object.entries(all).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}\r\n`));
  return exchange(port, `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
}

function parse(text) {
  const [head, ...rest] = text.split('\r\n\r\n');
  const [first, ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  return { status: Number(first.split(' ')[1]), headers, body: rest.join('\r\n\r\n') };
}
