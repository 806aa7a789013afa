// What a hostile or broken identity provider does. A client must refuse every spoiled token; `no-roles` alone is a proper token
// (of somebody who may do nothing). `none` is the honest provider.
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';

const hour = 3600;
const claims = {
  'wrong-nonce': (token) => ({ ...token, nonce: 'somebody-elses-nonce' }),
  'no-nonce': ({ nonce, ...token }) => token,
  expired: (token) => ({ ...token, iat: token.iat - 2 * hour, exp: token.iat - hour }),
  'wrong-audience': (token) => ({ ...token, aud: 'another-client', azp: 'another-client' }),
  'wrong-issuer': (token) => ({ ...token, iss: 'http://localhost:1' }),
  'no-roles': ({ roles, ...token }) => token,
};
const signatures = {
  // a stranger's key under our key id
  'bad-signature': ({ head, body, alg }) => signed(head, body, alg, generateKey(alg)),
  'alg-none': ({ head, body }) => `${encode({ ...head, alg: 'none' })}.${encode(body)}.`,
  // symmetric signature with the client secret, which the client also knows: a downgrade when it was not agreed on
  'alg-hs256': ({ head, body, secret }) => {
    const data = `${encode({ alg: 'HS256', typ: head.typ })}.${encode(body)}`;
    return `${data}.${createHmac('sha256', secret).update(data).digest('base64url')}`;
  },
};

/** Not refusals of a token: the directory says no, answers late, not at all, without keys, or does not vouch for the address. */
const elsewhere = ['access-denied', 'slow', 'unavailable', 'no-keys', 'unverified-email'];

export const modes = ['none', ...Object.keys(claims), ...Object.keys(signatures), ...elsewhere];

/** The ID token as the mode wants it; the very same one when the mode is about something else. */
export function spoil(mode, token, { key, kid, alg, secret }) {
  const [head, body] = token.split('.').slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
  if (claims[mode]) return signed({ ...head, kid }, claims[mode](body), alg, key);
  if (signatures[mode]) return signatures[mode]({ head, body, alg, secret });
  return token;
}

function signed(head, body, alg, key) {
  const data = `${encode(head)}.${encode(body)}`;
  const signature = sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(data), { key, dsaEncoding: 'ieee-p1363' });
  return `${data}.${signature.toString('base64url')}`;
}

function generateKey(alg) {
  const [type, options] = { RS256: ['rsa', { modulusLength: 2048 }], ES256: ['ec', { namedCurve: 'P-256' }], EdDSA: ['ed25519', {}] }[alg];
  return generateKeyPairSync(type, options).privateKey;
}

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
