// The identity provider by itself, so that a failing sign-in test can be blamed on the right side.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { people } from './people.mjs';

const redirectUri = 'http://127.0.0.1:8080/auth/callback';
const secret = 'only-for-this-test';
let peer;
before(async () => { peer = await start(); });
after(() => peer.stop());

for (const person of people) {
  test(`${person.email} signs in`, async () => {
    const { claims, nonce, valid } = await signIn(peer, person.email);
    assert.ok(valid, 'the signature is by the published key');
    assert.equal(claims.iss, peer.issuer);
    assert.equal(claims.aud, 'countersign');
    assert.equal(claims.nonce, nonce);
    assert.deepEqual(
      { sub: claims.sub, email: claims.email, name: claims.name, roles: claims.roles, email_verified: claims.email_verified },
      { ...person, email_verified: true },
    );
  });
}

for (const alg of ['ES256', 'EdDSA']) {
  test(`signs with ${alg}`, async () => {
    const other = await start({ ALG: alg });
    try {
      const { head, valid } = await signIn(other, people[0].email);
      assert.equal(head.alg, alg);
      assert.ok(valid);
    } finally { other.stop(); }
  });
}

test('asks for PKCE with S256', async () => {
  for (const extra of [{ code_challenge: undefined, code_challenge_method: undefined }, { code_challenge_method: 'plain' }]) {
    const { location } = await authorize(peer, extra);
    assert.equal(new URL(location).searchParams.get('error'), 'invalid_request');
  }
});

test('wants the client secret', async () => {
  const { response } = await signIn(peer, people[0].email, { secret: 'guessed' });
  assert.equal(response.status, 401);
});

const spoiled = {
  'wrong-nonce': ({ claims, nonce, valid }) => valid && claims.nonce !== nonce,
  'no-nonce': ({ claims, valid }) => valid && !('nonce' in claims),
  expired: ({ claims, valid }) => valid && claims.exp < Date.now() / 1000,
  'wrong-audience': ({ claims, valid }) => valid && claims.aud !== 'countersign',
  'wrong-issuer': ({ claims, valid }) => valid && claims.iss !== peer.issuer,
  'no-roles': ({ claims, valid }) => valid && !('roles' in claims),
  'bad-signature': ({ head, valid }) => head.alg === 'RS256' && !valid,
  'alg-none': ({ head, token }) => head.alg === 'none' && token.endsWith('.'),
  'alg-hs256': ({ head }) => head.alg === 'HS256',
  slow: ({ took }) => took >= 200,
  unavailable: ({ response }) => response.status === 503,
  'no-keys': ({ keys }) => keys.length === 0,
  'unverified-email': ({ claims }) => claims.email_verified === false,
  'access-denied': ({ location }) => new URL(location).searchParams.get('error') === 'access_denied',
};
for (const [mode, holds] of Object.entries(spoiled)) {
  test(`misbehaves: ${mode}`, async () => {
    await peer.misbehave(mode);
    try {
      assert.ok(holds(await signIn(peer, people[0].email)));
    } finally {
      await peer.misbehave('none');
    }
  });
}

test('every misbehaviour is tested, and an unknown one refused', async () => {
  const { modes } = await (await fetch(`${peer.issuer}/misbehave`)).json();
  assert.deepEqual(modes.toSorted(), ['none', ...Object.keys(spoiled)].sort());
  await assert.rejects(peer.misbehave('politely'));
});

test('signs out at the request of the client', async () => {
  const { jar, token } = await signIn(peer, people[0].email);
  const back = new URL('/login', redirectUri).href;
  const end = new URL(peer.metadata.end_session_endpoint);
  end.search = new URLSearchParams({ id_token_hint: token, post_logout_redirect_uri: back, state: 'kept' });
  const asked = await jar.fetch(end);
  const html = await asked.text();
  const form = new URLSearchParams({ xsrf: /name="xsrf" value="([^"]+)"/.exec(html)[1], logout: 'yes' });
  const done = await jar.fetch(/action="([^"]+)"/.exec(html)[1], { method: 'POST', body: form });
  assert.equal(done.headers.get('location'), `${back}?state=kept`);
});

test('goes when its parent goes', async () => {
  const other = await start();
  const exit = once(other.child, 'exit');
  other.child.stdin.end();
  assert.deepEqual(await exit, [0, null]);
});

test('says so when the port is taken', async () => {
  const child = launch({ PORT: new URL(peer.issuer).port });
  const [code] = await once(child, 'exit');
  assert.equal(code, 2);
});

function launch(env) {
  const base = { ...process.env, CLIENT_SECRET: secret, REDIRECT_URIS: redirectUri, PORT: '0', SLOW_MS: '200' };
  return spawn(process.execPath, [new URL('oidc.mjs', import.meta.url).pathname], { env: { ...base, ...env }, stdio: ['pipe', 'pipe', 'ignore'] });
}

async function start(env = {}) {
  const child = launch(env);
  const [line] = await once(createInterface(child.stdout), 'line');
  const issuer = /^ready (http:\/\/localhost:\d+)$/.exec(line)[1];
  const metadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
  return {
    child, issuer, metadata,
    stop: () => child.stdin.end(),
    async misbehave(mode) {
      const answer = await fetch(`${issuer}/misbehave`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ mode }) });
      assert.equal(answer.status, 200);
    },
  };
}

/** A browser of twenty lines: cookies by path, no redirects followed. */
function cookieJar() {
  const cookies = new Map();
  return {
    async fetch(url, options = {}) {
      const { pathname } = new URL(url);
      const sent = [...cookies.values()].filter(({ path }) => pathname.startsWith(path)).map(({ pair }) => pair).join('; ');
      const response = await fetch(url, { redirect: 'manual', ...options, headers: { cookie: sent } });
      for (const line of response.headers.getSetCookie()) {
        const [pair, ...attributes] = line.split('; ');
        const path = attributes.find((attribute) => attribute.startsWith('path='))?.slice(5) ?? '/';
        const id = `${pair.split('=')[0]} ${path}`;
        if (/=$/.test(pair)) cookies.delete(id); else cookies.set(id, { pair, path });
      }
      return response;
    },
  };
}

async function authorize({ metadata }, extra, jar = cookieJar()) {
  const verifier = randomBytes(32).toString('base64url');
  const nonce = randomBytes(16).toString('base64url');
  const query = {
    client_id: 'countersign', response_type: 'code', redirect_uri: redirectUri, scope: 'openid email profile roles', state: 'kept', nonce,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256', ...extra,
  };
  const url = new URL(metadata.authorization_endpoint);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
  const response = await jar.fetch(url);
  return { jar, verifier, nonce, location: new URL(response.headers.get('location'), url).href };
}

async function signIn(peer, email, { secret: password = secret } = {}) {
  const { jar, verifier, nonce, location: loginPage } = await authorize(peer, {});
  const page = await jar.fetch(loginPage);
  assert.equal((await page.text()).match(/name="login"/g).length, people.length);
  let response = await jar.fetch(loginPage, { method: 'POST', body: new URLSearchParams({ login: email }) });
  let location = response.headers.get('location');
  if (!location.startsWith(redirectUri)) {
    response = await jar.fetch(location);
    location = response.headers.get('location');
  }
  const answer = new URL(location).searchParams;
  assert.equal(answer.get('state'), 'kept');
  assert.equal(answer.get('iss'), peer.issuer);
  if (!answer.has('code')) return { location };

  const started = Date.now();
  response = await fetch(peer.metadata.token_endpoint, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`countersign:${password}`)}` },
    body: new URLSearchParams({ grant_type: 'authorization_code', code: answer.get('code'), redirect_uri: redirectUri, code_verifier: verifier }),
  });
  const took = Date.now() - started;
  if (!response.ok) return { location, response };
  const { id_token: token } = await response.json();
  const [head, claims] = token.split('.').slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
  const { keys } = await (await fetch(peer.metadata.jwks_uri)).json();
  return { jar, location, response, token, head, claims, nonce, keys, took, valid: isSigned(token, head, keys) };
}

function isSigned(token, { alg, kid }, keys) {
  const jwk = keys.find((key) => key.kid === kid && key.alg === alg);
  if (!jwk) return false;
  const [head, body, signature] = token.split('.');
  const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' };
  return verify(alg === 'EdDSA' ? null : 'sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'));
}
