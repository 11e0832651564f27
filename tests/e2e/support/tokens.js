// Compact JWS made by hand, so that a test can make wrong ones.
import { createHmac, sign as signWith } from 'node:crypto';
import { rememberToken } from './secrets.js';

export function now_s() {
  return Math.floor(Date.now() / 1000);
}

export function base64url(value) {
  const text = typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value);
  return Buffer.from(text).toString('base64url');
}

export function signHs256(secret, claims, header = {}) {
  const input = `${base64url({ alg: 'HS256', typ: 'JWT', ...header })}.${base64url(claims)}`;
  return rememberToken(`${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`);
}

export function signEdDsa(privateKey, claims, header = {}) {
  const input = `${base64url({ alg: 'EdDSA', typ: 'JWT', ...header })}.${base64url(claims)}`;
  return rememberToken(`${input}.${signWith(null, Buffer.from(input), privateKey).toString('base64url')}`);
}

export function unsigned(claims, algorithm = 'none') {
  return rememberToken(`${base64url({ alg: algorithm, typ: 'JWT' })}.${base64url(claims)}.`);
}

// What a token says, unverified.
export function readToken(token) {
  const [header, claims] = token.split('.').slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
  return { header, claims };
}

export function withLifetime(claims, lifetime_s = 3600) {
  return { iat: now_s(), exp: now_s() + lifetime_s, ...claims };
}
