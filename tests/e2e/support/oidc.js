// A real OpenID provider (npm oidc-provider) on the loopback: discovery, key set, and a token endpoint that gives JWT access
// tokens for one audience to clients that name themselves. Its keys can be changed while it runs.
import { generateKeyPairSync } from 'node:crypto';
import http from 'node:http';
import Provider from 'oidc-provider';
import { rememberToken } from './secrets.js';

export const AUDIENCE = 'https://sync.example';
export const GRANT_AUDIENCE = 'https://sync.example/grants';
const CLIENT_SECRET = 'what every client of this provider says';
const SCOPE = 'sync';

// A private JWK that signs by `alg`, RS256 or ES256.
export function newKey(alg, kid) {
  const pair = alg === 'RS256' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...pair.privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
}

export class OpenIdProvider {
  // `clients`: name → what its tokens claim beside the standard claims. `keys`: of newKey(), all published; the first signs.
  static async start({ clients, keys, port = 0 }) {
    const provider = new OpenIdProvider(clients);
    await provider.listen(port);
    provider.use(keys);
    return provider;
  }

  constructor(clients) {
    this.clients = clients;
    this.requests = []; // paths, in order
    this.server = http.createServer((request, response) => {
      this.requests.push(new URL(request.url, this.issuer).pathname);
      this.#answer(request, response);
    });
    this.server.unref(); // a failed test does not stop it
  }

  #answer;

  async listen(port) {
    await new Promise((resolve, reject) => this.server.once('error', reject).listen(port, '127.0.0.1', resolve));
    this.port = this.server.address().port;
    this.issuer = `http://127.0.0.1:${this.port}`;
  }

  // From now on these keys are published, and `signing` (the first) signs.
  use(keys, signing = keys[0]) {
    this.#answer = new Provider(this.issuer, configuration(this.clients, keys, signing)).callback();
  }

  // How often the key set was asked for.
  get fetches() {
    return this.requests.filter((path) => path === '/jwks').length;
  }

  // A fresh access token.
  async token(client, audience = AUDIENCE) {
    const response = await fetch(`${this.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${client}:${encodeURIComponent(CLIENT_SECRET)}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: SCOPE, resource: audience }),
    });
    const said = await response.json();
    if (response.status !== 200) throw new Error(`token endpoint: ${response.status} ${JSON.stringify(said)}`);
    return rememberToken(said.access_token);
  }

  // Nobody hears it any more until listen() with its port.
  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

// Nothing is stored: tokens carry all there is to them. The provider's own store warns that it forgets.
class NoStore {
  async upsert() {}
  async find() {}
  async destroy() {}
}

function configuration(clients, keys, signing) {
  const resourceServer = (audience) => ({
    audience,
    scope: SCOPE,
    accessTokenFormat: 'jwt',
    accessTokenTTL: 600,
    jwt: { sign: { alg: signing.alg, kid: signing.kid } },
  });
  return {
    adapter: NoStore,
    clients: Object.keys(clients).map((name) => ({
      client_id: name,
      client_secret: CLIENT_SECRET,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      id_token_signed_response_alg: signing.alg,
    })),
    jwks: { keys },
    cookies: { keys: ['nothing here has cookies'] },
    extraTokenClaims: (_, token) => clients[token.clientId],
    ttl: { ClientCredentials: (_, token) => token.resourceServer.accessTokenTTL },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: { enabled: true, getResourceServerInfo: (_, audience) => resourceServer(audience) },
    },
  };
}

// Configuration of an identity, or a grant issuer, whose keys are found by discovery.
export function identitySection(provider, { table = 'identity', name = 'oidc', more = '' } = {}) {
  return `
[[${table}]]
name = "${name}"
issuer = "${provider.issuer}"
audience = "${table === 'identity' ? AUDIENCE : GRANT_AUDIENCE}"
algs = ["RS256", "ES256"]
${more}
`;
}
