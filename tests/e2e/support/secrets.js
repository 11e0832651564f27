// Every secret and token of the tests, as they are made, and the search for them in what the programs say (SECURITY H67).
import { randomBytes } from 'node:crypto';

const TOKEN_PART_CHARS_MIN = 16; // shorter than any signature; `{}` and the like are in every text

const remembered = new Set();

// Returns the text, so that it can stand where the secret is made.
export function remember(text) {
  remembered.add(text);
  return text;
}

// Of an HMAC key, a credential, a password.
export function newSecret() {
  return remember(randomBytes(32).toString('base64url'));
}

// A token's signature and claims, each as it is sent: whoever has logged the token has logged these.
export function rememberToken(token) {
  for (const part of token.split('.').slice(1)) if (part.length >= TOKEN_PART_CHARS_MIN) remembered.add(part);
  return token;
}

// The same bytes as somebody might print them. Of base64 the part that does not depend on what stands beside it.
export function spellings(secret) {
  const bytes = Buffer.from(secret);
  const inner = (padding) => {
    const text = Buffer.concat([Buffer.alloc(padding, 'x'), bytes]).toString('base64').replace(/=+$/, '');
    return text.slice(padding ? padding + 1 : 0, -1);
  };
  const base64 = [0, 1, 2].map(inner).filter((text) => text.length >= 8);
  return [...new Set([secret, ...base64, ...base64.map(urlSafe), bytes.toString('hex'), bytes.toString('hex').toUpperCase(), encodeURIComponent(secret)])];
}

function urlSafe(base64) {
  return base64.replaceAll('+', '-').replaceAll('/', '_');
}

// Those of `secrets` that are in the text, in whatever spelling: [{ secret, spelling, around }].
export function found(text, secrets) {
  const hits = [];
  for (const secret of secrets)
    for (const spelling of spellings(secret)) {
      const at = text.indexOf(spelling);
      if (at >= 0) hits.push({ secret, spelling, around: text.slice(Math.max(0, at - 120), at + spelling.length + 40) });
    }
  return hits;
}

// Throws where the text has a secret or token that was made so far.
export function assertNoSecrets(text, whose) {
  for (const secret of remembered) {
    const at = text.indexOf(secret);
    if (at >= 0) throw new Error(`${whose} says a secret: ${text.slice(Math.max(0, at - 200), at + secret.length + 20)}`);
  }
}
