// Callers that wait, and decisions: `make bench-waiting`. One replica on the database of DATABASE_URL, many connections from here.
// Client, replica and PostgreSQL share the machine: compare figures of one run with each other.
import { execFileSync, spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';

const waiters = Number(process.env.WAITERS ?? 10_000), requests = Math.ceil(waiters / 5), decided = Math.min(Number(process.env.DECIDED ?? 300), requests);
const voters = Number(process.env.VOTERS ?? 16), clients = Number(process.env.CLIENTS ?? 32), votes = Number(process.env.VOTES ?? 6_000);
const bin = process.env.COUNTERSIGN_BIN, port = await freePort(), base = `http://127.0.0.1:${port}`;
/** Connections that are kept. */
const idle = [];
let keys = 0, years = 2100;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** A connection with one question at a time; every answer has a length. */
class Line {
  #socket = connect({ port, host: '127.0.0.1', noDelay: true });
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
const tokens = people.map(token), asker = token('ops@hanbit.example');
let server = await start([]);
try {
  const users = [];
  for (let cursor = ''; cursor !== null && users.length < 2_000;) {
    const page = await call('GET', `/api/admin/users${cursor && `?cursor=${encodeURIComponent(cursor)}`}`, asker);
    users.push(...page.items.map((user) => user.id));
    cursor = page.next;
  }
  await waiting(await ask(requests, users));
  server = await restarted(['--no-worker']);
  console.log(`\n${votes} decisions by ${voters} people over ${clients} connections`);
  for (const [what, share] of [['rejections (vote, request, 2 events, outbox)', 0], ['approvals (vote, request, 2 events, outbox, job)', 1]]) {
    await deciding(what, await ask(votes, users), share);
  }
  server = await restarted([]);
  console.log('with a worker on the same replica, which carries them out as they come:');
  await deciding('approvals', await ask(Math.ceil(votes / 2), users), 1);
} finally {
  hangUp();
  server.kill('SIGTERM');
}

/** Opens all at once, decides some of the requests one after the other, and measures how soon those who wait for them know. */
async function waiting(asked) {
  await sleep(1000);
  console.log(`resident before: ${resident()} MB`);
  const began = performance.now(), sockets = [], times = [];
  let failed = 0;
  const sent = new Map();
  await Promise.all(Array.from({ length: waiters }, (_, n) => new Promise((open) => {
    const { id } = asked[n % asked.length];
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.write(`GET /api/requests/${id}/wait?timeout=60 HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${asker}\r\n\r\n`);
      open();
    });
    socket.on('error', () => { failed += 1; open(); });
    socket.once('data', (head) => {
      if (head.toString('latin1', 9, 12) === '403' && sent.has(id)) times.push(performance.now() - sent.get(id)); else failed += 1;
      socket.destroy();
    });
    sockets.push(socket);
  })));
  const connected = performance.now();
  await sleep(4000);
  console.log(`${waiters} waiters for ${asked.length} requests, connected within ${((connected - began) / 1000).toFixed(1)} s, ${failed} refused; resident: ${resident()} MB`);
  for (const { id, binding } of asked.slice(0, decided)) {
    sent.set(id, performance.now());
    await call('POST', `/api/requests/${id}/votes`, tokens[0], { decision: 'reject', binding, reason: 'Decided by a bench.' });
    await sleep(20);
  }
  await sleep(1500);
  console.log(`${decided} decisions, one after the other: ${times.length} waiters answered, ${failed} failed; from sending the vote until the waiter has its answer: ${spread(times)}`);
  sockets.forEach((socket) => socket.destroy());
  await sleep(1000);
  console.log(`resident after: ${resident()} MB`);
}

async function deciding(what, asked, share) {
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
}

async function ask(count, users) {
  const asked = [];
  // what is asked for must not be so already
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

async function start(more) {
  const env = { ...process.env, COUNTERSIGN_LISTEN: `127.0.0.1:${port}`, RUST_LOG: 'error' };
  const started = spawn(bin, ['serve', ...more], { env, stdio: 'inherit' });
  for (let tries = 0; tries < 500; tries += 1) {
    if ((await fetch(`${base}/readyz`).catch(() => ({}))).status === 200) return started;
    await sleep(10);
  }
  throw new Error('the replica does not start');
}

async function restarted(more) {
  hangUp();
  const gone = new Promise((done) => server.once('exit', done));
  server.kill('SIGTERM');
  await gone;
  return start(more);
}

function hangUp() {
  idle.splice(0).forEach((line) => line.close());
}

function cli(arguments_, input) {
  return execFileSync(bin, arguments_, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] });
}

function token(email) {
  return /cst_[\w-]+/.exec(cli(['tokens', 'create', email, '--name', 'bench', '--days', '1'], ''))[0];
}

function resident() {
  return (Number(execFileSync('ps', ['-o', 'rss=', '-p', String(server.pid)])) / 1024).toFixed(1);
}

function spread(times) {
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))]?.toFixed(1) ?? '-';
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`;
}

/** Asks over a connection that nobody else uses at the moment. By hand: Node's own client takes twice the time on the shared cores. */
async function call(method, path, secret, body) {
  const line = idle.pop() ?? new Line(), text = body ? JSON.stringify(body) : '';
  const { status, said } = await line.ask(`${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${secret}\r\nidempotency-key: bench-${process.pid}-${keys += 1}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  idle.push(line);
  if (status >= 400) console.error(method, path, status, said.detail);
  return said;
}

function freePort() {
  return new Promise((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => { const { port: free } = probe.address(); probe.close(() => done(free)); });
  });
}
