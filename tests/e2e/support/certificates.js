// A certificate authority of a test's own, and what it signs, made by the openssl program.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { temporaryFolder } from './program.js';

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export class Authority {
  constructor() {
    this.folder = temporaryFolder('authority');
    this.file = this.#in('authority.pem'); // for SSL_CERT_FILE
    this.#openssl('req', '-x509', ...NEW_KEY, '-keyout', this.#in('authority.key'), '-out', this.file, '-days', '2', '-subj', '/CN=authority');
  }

  // { key, cert } of a server by this name. days -1: it ended yesterday.
  issue(name, days = 1) {
    const [key, request, extensions] = [this.#in('server.key'), this.#in('server.csr'), this.#in('server.ext')];
    writeFileSync(extensions, `subjectAltName=DNS:${name}\n`);
    this.#openssl('req', ...NEW_KEY, '-keyout', key, '-out', request, '-subj', '/CN=server');
    const signed = ['-CA', this.file, '-CAkey', this.#in('authority.key'), '-CAcreateserial', '-days', String(days), '-extfile', extensions];
    const cert = this.#openssl('x509', '-req', '-in', request, ...signed);
    return { key: readFileSync(key), cert };
  }

  #in(name) {
    return path.join(this.folder, name);
  }

  #openssl(...args) {
    return execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  }
}
