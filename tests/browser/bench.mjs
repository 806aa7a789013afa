// How long pages take when many ask at once: `make bench`. Client and server share the machine, so compare runs with one
// another and not with other people's numbers.
import { Agent, request } from 'node:http';
import { startServer } from './server.mjs';

const seconds = Number(process.env.SECONDS_EACH ?? 5), clients = Number(process.env.CLIENTS ?? 16);
const server = process.env.BASE_URL ? { url: process.env.BASE_URL, stop() {} } : await startServer();
const agent = new Agent({ keepAlive: true, maxSockets: clients });
try {
  const cookie = await signIn('admin@hanbit.example', 'countersign-demo');
  console.log(`${clients} clients, ${seconds} s each\n${'page'.padEnd(28)}${['req/s', 'p50 ms', 'p95 ms', 'p99 ms', 'failed'].map((head) => head.padStart(9)).join('')}`);
  for (const path of ['/healthz', '/login', '/', '/inbox', '/users', '/orgs', '/ledger', '/requests/new/org.tier.fix']) {
    const session = path === '/login' ? undefined : cookie; // who is signed in is sent on
    await load(path, session, 0.5); // pools and caches filled
    const { times, failed, took } = await load(path, session, seconds);
    times.sort((a, b) => a - b);
    const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))]?.toFixed(1) ?? '-';
    console.log(path.padEnd(28) + [(times.length / took).toFixed(0), at(0.5), at(0.95), at(0.99), failed].map((cell) => String(cell).padStart(9)).join(''));
  }
} finally {
  agent.destroy();
  await server.stop();
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
  return [form.cookie, answer.cookie].filter(Boolean).join('; ');
}

function call(method, path, { cookie, body }) {
  return new Promise((resolve, reject) => {
    const headers = { ...(cookie && { cookie }), ...(body && { 'content-type': 'application/x-www-form-urlencoded', origin: server.url }) };
    request(new URL(path, server.url), { method, agent, headers }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part)).on('end', () => resolve({
        status: response.statusCode,
        cookie: response.headers['set-cookie']?.map((line) => line.split(';')[0]).join('; '),
        body: Buffer.concat(parts).toString(),
      })).on('error', reject);
    }).on('error', reject).end(body);
  });
}
