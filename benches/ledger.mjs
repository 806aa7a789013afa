// The ledger at ten million events: `make bench-ledger`. How long an export of the first million takes to be verified offline, how long
// pages take for every filter that is offered, and how fast it is taken away. A year of the demo is written down again and again, some minutes and some requests apart, until there are EVENTS; the
// sequencer then takes all of them into the log. Client, server and PostgreSQL share the machine.
import { execFileSync, spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

const wanted = Number(process.env.EVENTS ?? 10_000_000), each = Number(process.env.TIMES_EACH ?? 60);
const port = await freePort(), base = `http://127.0.0.1:${port}`, agent = new Agent({ keepAlive: true, maxSockets: 1 });
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const line = (name, cells) => console.log(name.padEnd(72) + cells.map((cell) => String(cell).padStart(10)).join(''));

const server = spawn(process.env.COUNTERSIGN_BIN, ['serve'], { env: { ...process.env, COUNTERSIGN_LISTEN: `127.0.0.1:${port}`, RUST_LOG: 'warn' }, stdio: 'inherit' });
try {
  while ((await call('/readyz', {}).catch(() => ({}))).status !== 200) await sleep(50);
  await sequenced();
  await offline(await signIn('auditor@hanbit.example'));
  multiply();
  await sequenced();
  await pages(await signIn('approver@hanbit.example'));
  await exports(await signIn('auditor@hanbit.example'));
} finally {
  agent.destroy();
  server.kill('SIGTERM');
}

/** Copies of the events, each with an id, a time and a request of its own, also in its leaf. */
function multiply() {
  const began = performance.now(), there = Number(sql('select count(*) from ledger.event')), requests = Number(sql('select max(id) from request'));
  sql("select ledger.prepare_partitions((current_date - interval '14 months')::date, 4)");
  const copies = Math.max(0, Math.round(wanted / there) - 1), shift = 'n * 420000';
  const moved = (id) => `(lpad(to_hex(('x' || substr(replace(${id}::text, '-', ''), 1, 12))::bit(48)::bigint - ${shift}), 12, '0') || substr(replace(${id}::text, '-', ''), 13))::uuid`;
  const at = "recorded_at - n * interval '7 minutes'", time = (value) => `to_char((${value}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  const leaf = `replace(replace(replace(convert_from(leaf, 'UTF8'), event_id::text, ${moved('event_id')}::text), ${time('recorded_at')}, ${time(at)}), '"CR-' || request_id || '"', '"CR-' || request_id + n * ${requests} || '"')`;
  // a month with all its copies at once: events are then in the log as they are in time, as they would be if they had happened
  for (const month of sql("select distinct date_trunc('month', recorded_at at time zone 'UTC')::date from ledger.event order by 1").split('\n')) {
    const where = `request_id <= ${requests} and recorded_at >= '${month}Z' and recorded_at < '${month}Z'::timestamptz + interval '1 month'`;
    sql(`begin; create temporary table source on commit drop as select e.* from ledger.event e where ${where};
      insert into ledger.event (event_id, recorded_at, schema_v, kind, outcome, actor_id, door, request_id, target_type, target_id, leaf)
      select ${moved('event_id')}, ${at}, schema_v, kind, outcome, actor_id, door, request_id + n * ${requests}, target_type, target_id, convert_to(${leaf}, 'UTF8')
      from generate_series(1, ${copies}) n, source;
      insert into ledger.detail (event_id, recorded_at, salt, data, words, marks) select ${moved('d.event_id')}, d.${at}, d.salt, d.data, d.words, d.marks
      from generate_series(1, ${copies}) n, source join ledger.detail d using (event_id, recorded_at) where d.data is not null;
      commit`);
  }
  sql('vacuum analyze ledger.event, ledger.detail');
  console.log(`${sql('select count(*) from ledger.event')} events, ${copies} copies in ${((performance.now() - began) / 1000).toFixed(0)} s`);
}

/** Until everything is under a published checkpoint. */
async function sequenced() {
  const began = performance.now();
  while (sql('select (select count(*) from (select from ledger.pending limit 1) p) = 0 and (select size = published_size from ledger.head)') !== 't') await sleep(500);
  const size = Number(sql('select size from ledger.head')), took = (performance.now() - began) / 1000;
  console.log(`${size} leaves, ${(size / took).toFixed(0)} each second`);
  sql('vacuum analyze ledger.leaf, ledger.pending');
}

/** What is there so far as a file, which both verifiers read without any of us. */
async function offline(cookie) {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-')), file = join(folder, 'all.ndjson');
  const key = /verified by (\S+)/.exec(execFileSync(process.env.COUNTERSIGN_BIN, ['doctor'], { encoding: 'utf8' }))[1];
  await new Promise((resolve, reject) => request(new URL('/ledger/export?format=ndjson', base), { agent, headers: { cookie } }, (response) =>
    pipeline(response, createWriteStream(file)).then(resolve, reject)).on('error', reject).end());
  line('\noffline', ['seconds']);
  for (const [name, command, ...more] of [['countersign ledger verify --from', process.env.COUNTERSIGN_BIN, 'ledger', 'verify', '--from'], ['verify.py export', 'python3', 'static/verify.py', 'export']]) {
    const began = performance.now(), said = execFileSync(command, [...more, file, '--key', key], { encoding: 'utf8' });
    line(`${name}: ${said.trim().replace(/\s+/g, ' ')}`, [((performance.now() - began) / 1000).toFixed(1)]);
  }
  rmSync(folder, { recursive: true });
}

async function pages(cookie) {
  const number = Math.floor(Number(sql('select max(request_id) from ledger.event')) / 2);
  const middle = sql("select event_id from ledger.event where recorded_at < now() - interval '6 months' order by event_id desc limit 1");
  const words = (text) => encodeURIComponent(text);
  const who = ['', 'actor=cs@hanbit.example', 'actor=-cs@hanbit.example', 'actor=cs@hanbit.example,approver@hanbit.example'];
  const what = ['', 'action=request.', 'action=request.denied', 'action=-request.', 'action=session.'], how = ['', 'outcome=failure', 'outcome=-success'];
  const when = ['', 'range=last-week', 'since=2026-06-01&until=2026-06-02'];
  const combined = who.flatMap((a) => what.flatMap((b) => how.flatMap((c) => when.map((d) => [a, b, c, d].filter(Boolean).join('&')))));
  const also = [`request=CR-${number}`, `request=CR-${number}&action=request.voted`, 'target=org_hanbit0001', 'target=org_hanbit0001&outcome=-success', 'target=-org_hanbit0001&action=request.denied',
    'sort=created', 'sort=created&action=request.denied', `after=~${middle}`, `after=~${middle}&actor=cs@hanbit.example`, `before=~${middle}&outcome=-success`];
  const text = ['결제', '연간 계약', '"연간 계약"', '없는낱말', '계약 갱신', 'enterprise'];
  const restricted = ['', 'actor=approver@hanbit.example', 'outcome=-success', 'action=request.submitted', 'range=last-week', 'since=2026-06-01&until=2026-06-30', 'target=org_hanbit0001'];
  const said = text.flatMap((q) => restricted.map((more) => [`q=${words(q)}`, more].filter(Boolean).join('&')));
  line(`\n${each} times each, the slowest five of each kind`, ['p50 ms', 'p95 ms', 'max ms', 'failed']);
  for (const [kind, asked] of [['filters', [...combined, ...also]], ['words', said]]) {
    const all = [];
    for (const query of asked) all.push({ query, ...(await measure(`/ledger?${query}`, cookie)) });
    all.sort((a, b) => b.at(0.95) - a.at(0.95));
    for (const { query, at, failed } of all.slice(0, 5)) line(`/ledger?${decodeURIComponent(query)}`, [at(0.5), at(0.95), at(1), failed].map((cell) => cell.toFixed(0)));
    const times = all.flatMap(({ times }) => times).sort((a, b) => a - b);
    line(`${kind}: ${asked.length} combinations together`, [0.5, 0.95, 1].map((share) => percentile(times, share).toFixed(0)));
  }
}

async function measure(path, cookie) {
  const times = [];
  let failed = 0;
  for (let n = -2; n < each; n += 1) {
    const before = performance.now(), { status } = await call(path, { cookie });
    if (status !== 200) failed += 1; else if (n >= 0) times.push(performance.now() - before); // pools and caches are filled first
  }
  times.sort((a, b) => a - b);
  return { times, failed, at: (share) => percentile(times, share) };
}

async function exports(cookie) {
  line('\nexport', ['events', 'seconds', 'events/s', 'MB', 'most MB']);
  for (const query of ['format=ndjson', 'format=ndjson&openings=yes', 'format=csv', 'format=ocsf', 'format=ndjson&action=request.denied', 'format=ndjson&from=5000000']) {
    let most = resident();
    const watch = setInterval(() => (most = Math.max(most, resident())), 200), began = performance.now();
    const { lines, bytes } = await count(`/ledger/export?${query}`, cookie), took = (performance.now() - began) / 1000;
    clearInterval(watch);
    line(query, [lines, took.toFixed(1), (lines / took).toFixed(0), (bytes / 1e6).toFixed(0), most.toFixed(0)]);
  }
}

function count(path, cookie) {
  return new Promise((resolve, reject) => {
    request(new URL(path, base), { agent, headers: { cookie } }, (response) => {
      let lines = 0, bytes = 0;
      response.on('data', (part) => {
        bytes += part.length;
        for (let at = part.indexOf(10); at >= 0; at = part.indexOf(10, at + 1)) lines += 1;
      }).on('end', () => resolve({ lines, bytes })).on('error', reject);
    }).on('error', reject).end();
  });
}

function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

function resident() {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(server.pid)])) / 1024;
}

function sql(text) {
  return execFileSync('psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', process.env.DATABASE_OWNER_URL, '-c', text], { encoding: 'utf8' }).trim();
}

async function signIn(email) {
  const form = await call('/login', {});
  const csrf = /name="csrf" value="([^"]*)"/.exec(form.body)?.[1] ?? '';
  const body = new URLSearchParams({ csrf, next: '/', email, password: 'countersign-demo' }).toString();
  const answer = await call('/login', { cookie: form.cookie, body });
  if (answer.status !== 303) throw new Error(`signing in answered ${answer.status}`);
  return answer.cookie ?? form.cookie;
}

function call(path, { cookie, body }) {
  return new Promise((resolve, reject) => {
    const headers = { ...(cookie && { cookie }), ...(body && { 'content-type': 'application/x-www-form-urlencoded', origin: base }) };
    request(new URL(path, base), { method: body ? 'POST' : 'GET', agent, headers }, (response) => {
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
