// One address for clients that stays the same while what is behind it changes: as a balancer in front of two origins.
import net from 'node:net';

export class Balancer {
  // `origin` has a `port` on the loopback.
  static async start(origin) {
    const balancer = new Balancer();
    balancer.use(origin);
    balancer.server = net.createServer((client) => balancer.#join(client));
    balancer.server.unref(); // a failed test does not stop it
    await new Promise((resolve, reject) => balancer.server.once('error', reject).listen(0, '127.0.0.1', resolve));
    balancer.url = `http://127.0.0.1:${balancer.server.address().port}`;
    return balancer;
  }

  // Where new connections go from now on.
  use(origin) {
    this.port = origin.port;
  }

  stop() {
    this.server.close();
  }

  #join(client) {
    const origin = net.connect(this.port, '127.0.0.1');
    for (const [from, to] of [[client, origin], [origin, client]]) {
      from.on('error', () => to.destroy()); // what the other is told: the connection is gone
      from.pipe(to);
    }
  }
}
