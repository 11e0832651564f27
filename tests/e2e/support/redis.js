// A redis-server of a test's own, which keeps what it was told (appendonly) when it is killed and started again.
import net from 'node:net';
import { freePort, Program, temporaryFolder } from './program.js';
import { newSecret } from './secrets.js';

export class Redis {
  static async start() {
    const redis = new Redis();
    redis.port = await freePort();
    redis.password = newSecret();
    redis.folder = temporaryFolder('redis');
    await redis.launch();
    return redis;
  }

  get url() {
    return `redis://:${this.password}@127.0.0.1:${this.port}`;
  }

  // Also again after kill(), with the same port and data.
  async launch() {
    const settings = { port: this.port, bind: '127.0.0.1', dir: this.folder, save: '', appendonly: 'yes', appendfsync: 'always', requirepass: this.password };
    const args = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, `${value}`]);
    this.program = new Program('redis-server', args);
    await this.program.until('answers', () => this.#answers());
  }

  kill() {
    return this.program.stop('SIGKILL');
  }

  stop() {
    return this.program.stop('SIGTERM');
  }

  // It says LOADING while it reads what it had kept.
  #answers() {
    return new Promise((resolve) => {
      const socket = net.connect(this.port, '127.0.0.1', () => socket.write(`AUTH ${this.password}\r\nPING\r\n`));
      let text = '';
      const done = (answer) => {
        socket.destroy();
        resolve(answer);
      };
      socket.setTimeout(1000, () => done(false));
      socket.on('error', () => done(false));
      socket.on('close', () => done(false));
      socket.on('data', (bytes) => {
        text += bytes;
        if (text.includes('PONG')) done(true);
        else if (text.split('\r\n').length > 2) done(false);
      });
    });
  }
}
