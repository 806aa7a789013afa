// Start-up time, memory, and how long pages take against the database of DATABASE_URL: `make bench` fills one with a
// million requests first. Client, server and PostgreSQL share the machine: compare figures of one run with each other.
import { execFileSync, spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';

const seconds = Number(process.env.SECONDS_EACH ?? 5), clients = Number(process.env.CLIENTS ?? 1);
const port = await freePort(), base = `http://127.0.0.1:${port}`, agent = new Agent({ keepAlive: true, maxSockets: clients });

const began = performance.now();
const server = spawn(process.env.COUNTERSIGN_BIN, ['serve'], { env: { ...process.env, COUNTERSIGN_LISTEN: `127.0.0.1:${port}`, RUST_LOG: 'warn' }, stdio: 'inherit' });
try {
  while ((await call('GET', '/readyz', {}).catch(() => ({}))).status !== 200) await new Promise((done) => setTimeout(done, 2));
  console.log(`ready after ${(performance.now() - began).toFixed(0)} ms`);
  await new Promise((done) => setTimeout(done, 3000));
  console.log(`resident when idle: ${resident()} MB`);
  const cookie = await signIn('approver@hanbit.example', 'countersign-demo');
  const newest = /\/requests\/(CR-\d+)/.exec((await call('GET', '/inbox?tab=mine', { cookie })).body)?.[1];
  const old = /\/requests\/(CR-\d+)/.exec((await call('GET', '/inbox?tab=decided', { cookie })).body)?.[1];
  const event = /\/ledger\/([0-9a-f-]{36})/.exec((await call('GET', '/ledger', { cookie })).body)?.[1];
  const number = Number(old.slice(3));
  const paths = ['/healthz', '/', '/inbox?tab=mine', '/inbox?tab=open', '/inbox?tab=asked', '/inbox?tab=decided', '/inbox?tab=unknown',
    `/inbox?tab=decided&after=~CR-${Math.floor(number / 2)}`, '/inbox?tab=decided&sort=expires', '/inbox?tab=open&due=soon&sort=expires', '/inbox?tab=decided&risk=high&sort=-expires', '/inbox?tab=decided&operation=user.plan.grant&state=denied',
    `/inbox?tab=decided&q=CR-${Math.floor(number / 3)}`, '/inbox?tab=decided&q=org_hanbit0001', '/inbox?tab=decided&q=%ED%95%9C%EB%B9%9B%EC%86%8C%ED%94%84%ED%8A%B8',
    `/requests/${newest}`, `/requests/CR-${Math.floor(number / 2)}`,
    '/ledger', '/ledger?action=request.denied', '/ledger?actor=cs@hanbit.example&action=request.denied', '/ledger?actor=cs@hanbit.example&outcome=-success', '/ledger?action=-request.', '/ledger?q=%EA%B2%B0%EC%A0%9C', '/ledger?q=%EC%97%B0%EA%B0%84%20%EA%B3%84%EC%95%BD', '/ledger?q=%EC%97%86%EB%8A%94%EB%82%B1%EB%A7%90', '/ledger?q=%EC%97%B0%EA%B0%84&actor=approver@hanbit.example', '/ledger?actor=cs@hanbit.example', '/ledger?outcome=failure', `/ledger?request=CR-${Math.floor(number / 2)}`,
    '/ledger?target=org_hanbit0001', '/ledger?since=2026-06-01&until=2026-06-02', `/ledger/${event}`, '/ledger?range=last-week&action=request.', '/ledger?sort=created', '/orgs', '/orgs?sort=-credit', '/orgs?tier=pro&sort=credit', '/users', '/users?sort=-email',
    '/search?q=CR-1000', '/search?q=%ED%95%9C%EB%B9%9B', '/search?q=user00629', '/help/start', '/requests/new/org.tier.fix'];
  console.log(`\n${clients} client(s), ${seconds} s each\n${'page'.padEnd(66)}${['req/s', 'p50 ms', 'p95 ms', 'p99 ms', 'failed'].map((head) => head.padStart(9)).join('')}`);
  for (const path of paths) {
    await load(path, cookie, 0.5); // pools and caches filled
    const { times, failed, took } = await load(path, cookie, seconds);
    times.sort((a, b) => a - b);
    const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))]?.toFixed(1) ?? '-';
    console.log(path.padEnd(66) + [(times.length / took).toFixed(0), at(0.5), at(0.95), at(0.99), failed].map((cell) => String(cell).padStart(9)).join(''));
  }
  console.log(`\nresident after the load: ${resident()} MB`);
} finally {
  agent.destroy();
  server.kill('SIGTERM');
}

function resident() {
  return (Number(execFileSync('ps', ['-o', 'rss=', '-p', String(server.pid)])) / 1024).toFixed(1);
}

async function load(path, cookie, duration) {
  const times = [], started = performance.now(), end = started + duration * 1000;
  let failed = 0;
  await Promise.all(Array.from({ length: clients }, async () => {
    while (performance.now() < end) {
      const before = performance.now();
      const { status } = await call('GET', path, { cookie });
      if (status === 200) times.push(performance.now() - before); else failed += 1;
    }
  }));
  return { times, failed, took: (performance.now() - started) / 1000 };
}

async function signIn(email, password) {
  const form = await call('GET', '/login', {});
  const csrf = /name="csrf" value="([^"]*)"/.exec(form.body)?.[1] ?? '';
  const body = new URLSearchParams({ csrf, next: '/', email, password }).toString();
  const answer = await call('POST', '/login', { cookie: form.cookie, body });
  if (answer.status !== 303) throw new Error(`signing in answered ${answer.status}`);
  return answer.cookie ?? form.cookie;
}

function call(method, path, { cookie, body }) {
  return new Promise((resolve, reject) => {
    const headers = { ...(cookie && { cookie }), ...(body && { 'content-type': 'application/x-www-form-urlencoded', origin: base }) };
    request(new URL(path, base), { method, agent, headers }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part)).on('end', () => resolve({
        status: response.statusCode,
        cookie: response.headers['set-cookie']?.map((line) => line.split(';')[0]).join('; '),
        body: Buffer.concat(parts).toString(),
      })).on('error', reject);
    }).on('error', reject).end(body);
  });
}

function freePort() {
  return new Promise((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => { const { port } = probe.address(); probe.close(() => done(port)); });
  });
}
