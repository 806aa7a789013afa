// A real OpenID provider (npm oidc-provider) with the people of the demo company, for `countersign demo` and for tests.
//
//   CLIENT_SECRET=… REDIRECT_URIS=http://127.0.0.1:8080/auth/callback PORT=0 node oidc.mjs
//
//   PORT           port on loopback; 0 (the default) picks a free one
//   CLIENT_SECRET  secret of the one client, `countersign`
//   REDIRECT_URIS  comma separated; the origins of these are also where a logout may return to (`/` and `/login`)
//   ALG            RS256 (default), ES256 or EdDSA: how the ID token is signed
//   MISBEHAVE      one of misbehaviour.mjs, from the start; later: POST /misbehave {"mode": "…"}
//   SLOW_MS        how long `slow` takes, 3000 unless told
//
// Prints `ready http://localhost:PORT` on stdout. It exits when stdin closes, so that a killed parent leaves nothing behind.
//
// The issuer says `localhost` while the application says `127.0.0.1`: two sites to a browser, as in production. With one
// host for both, a SameSite=Strict cookie would survive the way back and hide the mistake, and the provider's cookies
// would reach the application, because cookies know no ports.
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { people } from './people.mjs';
import { modes, spoil } from './misbehaviour.mjs';
import * as pages from './pages.mjs';

// the library writes its notices to stdout, where the parent waits for the ready line
console.info = console.log = console.warn = (...args) => console.error(...args);
const { default: Provider } = await import('oidc-provider');

const { PORT = '0', CLIENT_SECRET, REDIRECT_URIS, ALG = 'RS256', MISBEHAVE = 'none', SLOW_MS = '3000' } = process.env;
const redirectUris = (REDIRECT_URIS ?? '').split(',').map((uri) => uri.trim()).filter(Boolean);
if (!CLIENT_SECRET || !redirectUris.length) fail('set CLIENT_SECRET and REDIRECT_URIS');
if (!modes.includes(MISBEHAVE)) fail(`MISBEHAVE is one of: ${modes.join(', ')}`);
let mode = MISBEHAVE;

process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0)).resume();
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));

const servers = await listen(Number(PORT));
const issuer = `http://localhost:${servers[0].address().port}`;

const key = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
}[ALG]?.().privateKey ?? fail(`ALG is RS256, ES256 or EdDSA, not ${ALG}`);
const kid = `demo-${ALG}`;

const byLogin = new Map(people.map((person) => [person.email, person]));
const bySub = new Map(people.map((person) => [person.sub, person]));
const scopes = ['openid', 'email', 'profile', 'roles'];

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'countersign',
    client_secret: CLIENT_SECRET,
    redirect_uris: redirectUris,
    post_logout_redirect_uris: [...new Set(redirectUris.flatMap((uri) => ['/', '/login'].map((path) => new URL(path, uri).href)))],
    response_types: ['code'],
    grant_types: ['authorization_code'],
    token_endpoint_auth_method: 'client_secret_basic',
    id_token_signed_response_alg: ALG,
  }],
  jwks: { keys: [{ ...key.export({ format: 'jwk' }), kid, alg: ALG, use: 'sig' }] },
  enabledJWA: { idTokenSigningAlgValues: [ALG] },
  cookies: { keys: [crypto.randomUUID()] },
  pkce: { required: () => true },
  scopes,
  // claims go into the ID token itself, as Entra ID, Okta and Keycloak do it, and not only into the userinfo answer
  conformIdTokenClaims: false,
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'locale'], roles: ['roles'] },
  features: {
    devInteractions: { enabled: false },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => { ctx.body = pages.logout(form); },
      postLogoutSuccessSource: (ctx) => { ctx.body = pages.signedOut(); },
    },
  },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, sub) => {
    const person = bySub.get(sub);
    return person && { accountId: sub, claims: () => ({ ...person, email_verified: mode !== 'unverified-email', locale: 'ko' }) };
  },
  // the operators' own portal: nobody is asked for consent
  loadExistingGrant: async ({ oidc }) => {
    const grant = new provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope(scopes.join(' '));
    await grant.save();
    return grant;
  },
  renderError: (ctx, { error, error_description }) => { ctx.body = pages.problem(error, error_description); },
  ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 86400, IdToken: 600, Interaction: 600, Session: 86400 },
});

provider.use(async (ctx, next) => {
  if (ctx.path === '/misbehave') return misbehave(ctx);
  // asked for by every browser; a 404 would be an error in its console
  if (ctx.path === '/favicon.ico') return void (ctx.status = 204);
  if (ctx.path === '/jwks' && mode === 'no-keys') return void (ctx.body = { keys: [] });
  if (ctx.path !== '/token') return interact(ctx, next);
  if (mode === 'slow') await new Promise((done) => setTimeout(done, Number(SLOW_MS)));
  if (mode === 'unavailable') return void (ctx.status = 503);
  await next();
  if (ctx.body?.id_token) ctx.body = { ...ctx.body, id_token: spoil(mode, ctx.body.id_token, { key, kid, alg: ALG, secret: CLIENT_SECRET }) };
});
provider.on('server_error', (_, error) => console.error('server_error', error));
for (const event of ['authorization.error', 'grant.error', 'end_session.error']) {
  provider.on(event, (_, error) => console.error(event, error.error, error.error_description));
}

const handle = provider.callback();
for (const server of servers) server.on('request', handle);
process.stdout.write(`ready ${issuer}\n`);

/** The login page and what its buttons post to. */
async function interact(ctx, next) {
  if (!/^\/interaction\/[\w-]+$/.test(ctx.path)) return next();
  if (ctx.method === 'GET') {
    await provider.interactionDetails(ctx.req, ctx.res);
    ctx.body = pages.login(people);
    return;
  }
  const person = byLogin.get(new URLSearchParams(await text(ctx.req)).get('login'));
  if (!person && mode !== 'access-denied') return ctx.throw(400, 'nobody of this name');
  const answer = mode === 'access-denied'
    ? { error: 'access_denied', error_description: 'the directory said no' }
    : { login: { accountId: person.sub } };
  await provider.interactionFinished(ctx.req, ctx.res, answer, { mergeWithLastSubmission: false });
  ctx.respond = false;
}

/** The switch of the tests. JSON only, which no foreign page can send without being asked first. */
async function misbehave(ctx) {
  if (ctx.method === 'POST' && ctx.is('json')) {
    let wanted;
    try { wanted = JSON.parse(await text(ctx.req)).mode; } catch { /* not JSON: the refusal below */ }
    if (!modes.includes(wanted)) {
      ctx.status = 422;
      ctx.body = { error: 'unknown mode', modes };
      return;
    }
    mode = wanted;
  }
  ctx.body = { mode, modes };
}

/** `localhost` is 127.0.0.1 to one client and ::1 to the next, so both are served, on one port. */
async function listen(port, attempts = 5) {
  const open = (host, at) => new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject).listen({ port: at, host, ipv6Only: host === '::1' }, () => resolve(server));
  });
  const four = await open('127.0.0.1', port).catch((error) => fail(`cannot listen on port ${port}: ${error.code}`));
  try {
    return [four, await open('::1', four.address().port)];
  } catch (error) {
    if (error.code !== 'EADDRINUSE') return [four]; // a machine without IPv6
    four.close();
    if (port || !attempts) fail(`port ${port} is taken on ::1`);
    return listen(port, attempts - 1);
  }
}

function fail(message) {
  console.error(`oidc: ${message}`);
  process.exit(2);
}
