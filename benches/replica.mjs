// What benches that decide requests share: replicas, the people who ask and vote, and connections that are kept.
import { execFileSync, spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';

const bin = process.env.COUNTERSIGN_BIN, ports = [];
for (let n = 0; n < Number(process.env.REPLICAS ?? 1); n += 1) ports.push(await freePort());
export const port = ports[0];
export const voters = Number(process.env.VOTERS ?? 16), clients = Number(process.env.CLIENTS ?? 32);
/** Connections that are kept. */
const idle = [];
let keys = 0, years = 2100, lines = 0, servers = [];
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** A connection with one question at a time; every answer has a length. */
class Line {
  #socket = connect({ port: ports[lines++ % ports.length], host: '127.0.0.1', noDelay: true });
  #parts = Buffer.alloc(0);

  ask(question) {
    return new Promise((resolve, reject) => {
      this.#socket.removeAllListeners('data').removeAllListeners('close').on('close', () => reject(new Error('cut off'))).on('data', (part) => {
        this.#parts = this.#parts.length ? Buffer.concat([this.#parts, part]) : part;
        const end = this.#parts.indexOf('\r\n\r\n');
        if (end < 0) return;
        const head = this.#parts.toString('latin1', 0, end), length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
        if (this.#parts.length < end + 4 + length) return;
        const said = JSON.parse(this.#parts.toString('utf8', end + 4, end + 4 + length));
        this.#parts = this.#parts.subarray(end + 4 + length);
        resolve({ status: Number(head.slice(9, 12)), said });
      });
      this.#socket.write(question);
    });
  }

  close() {
    this.#socket.removeAllListeners('close').destroy();
  }
}

const people = Array.from({ length: voters }, (_, n) => `voter${n}@hanbit.example`);
for (const email of people) cli(['operators', 'add', email, '--name', email.split('@')[0], '--roles', 'approver'], 'a password for benches\n');
const tokens = people.map(token);
export const approver = tokens[0], asker = token('ops@hanbit.example');

/** Customers to ask something for. */
export async function customers() {
  const users = [];
  for (let cursor = ''; cursor !== null && users.length < 2_000;) {
    const page = await call('GET', `/api/admin/users${cursor && `?cursor=${encodeURIComponent(cursor)}`}`, asker);
    users.push(...page.items.map((user) => user.id));
    cursor = page.next;
  }
  return users;
}

/** Starts the replicas with these arguments, and stops those before. */
export async function start(...more) {
  await stop();
  servers = ports.map((own) => spawn(bin, ['serve', ...more], { env: { ...process.env, COUNTERSIGN_LISTEN: `127.0.0.1:${own}`, RUST_LOG: 'error' }, stdio: 'inherit' }));
  await Promise.all(ports.map(async (own) => {
    for (let tries = 0; tries < 500; tries += 1) {
      if ((await fetch(`http://127.0.0.1:${own}/readyz`).catch(() => ({}))).status === 200) return;
      await sleep(10);
    }
    throw new Error('a replica does not start');
  }));
}

export async function stop() {
  idle.splice(0).forEach((line) => line.close());
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.once('exit', done).kill('SIGTERM'))));
}

/** Asks for so many things that are not so yet. */
export async function ask(count, users) {
  const asked = [];
  years += 1;
  let next = 0;
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let mine = next++; mine < count; mine = next++) {
      const body = { operation: 'user.plan.grant', fields: { user_id: users[mine % users.length], plan: 'pro', until: `${years}-12-31` }, reason: 'Asked for by a bench.' };
      const { id, binding } = await call('POST', '/api/requests', asker, body);
      if (id) asked.push({ id, binding }); else throw new Error('asking failed');
    }
  }));
  return asked;
}

/** Has all of these decided, one by each connection at a time: a share of 1 approves, 0 rejects. Answers decisions each second. */
export async function deciding(what, asked, share) {
  const began = performance.now(), times = [];
  let next = 0, failed = 0;
  await Promise.all(Array.from({ length: clients }, async (_, n) => {
    for (let mine = next++; mine < asked.length; mine = next++) {
      const { id, binding } = asked[mine], before = performance.now();
      const body = share ? { decision: 'approve', binding } : { decision: 'reject', binding, reason: 'Decided by a bench.' };
      const answer = await call('POST', `/api/requests/${id}/votes`, tokens[n % voters], body);
      if (answer.vote === 'counted') times.push(performance.now() - before); else failed += 1;
    }
  }));
  const took = (performance.now() - began) / 1000;
  console.log(`${what}: ${(times.length / took).toFixed(0)} decisions/s, ${spread(times)}, ${failed} failed`);
  return times.length / took;
}

function cli(arguments_, input) {
  return execFileSync(bin, arguments_, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] });
}

function token(email) {
  return /cst_[\w-]+/.exec(cli(['tokens', 'create', email, '--name', 'bench', '--days', '1'], ''))[0];
}

export function resident() {
  return (Number(execFileSync('ps', ['-o', 'rss=', '-p', String(servers[0].pid)])) / 1024).toFixed(1);
}

export function spread(times) {
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))]?.toFixed(1) ?? '-';
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`;
}

/** Asks over a connection that nobody else uses at the moment. By hand: Node's own client takes twice the time on the shared cores. */
export async function call(method, path, secret, body) {
  const line = idle.pop() ?? new Line(), text = body ? JSON.stringify(body) : '';
  const { status, said } = await line.ask(`${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${secret}\r\nidempotency-key: bench-${process.pid}-${keys += 1}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  idle.push(line);
  if (status >= 400) console.error(method, path, status, said.detail);
  return said;
}

function freePort() {
  return new Promise((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => { const { port: free } = probe.address(); probe.close(() => done(free)); });
  });
}
