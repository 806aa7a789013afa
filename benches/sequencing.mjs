// What the ledger costs: `make bench-sequencing`. The same transactions with their audit rows and without, one right after the other in
// many short rounds, because a shared machine is faster in one minute than in the next, by 32 writers with a commit of 2 ms, while the
// replicas sequence; and how far the sequencer falls behind. Twice: with the product's own transactions, rejections over HTTP as people
// and programs send them, and with the barest transaction there could be, by pgbench: one row read under its lock and changed, one row
// written. Everything shares the machine: compare figures of one run with each other.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { ask, clients, customers, deciding, sleep, start, stop } from './replica.mjs';

const seconds = Number(process.env.SECONDS ?? 5), rounds = Number(process.env.ROUNDS ?? 9), votes = Number(process.env.VOTES ?? 2_000);
const owner = process.env.DATABASE_OWNER_URL, admin = owner.replace('countersign_owner', 'postgres');
const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
const sql = (text) => execFileSync('psql', [admin, '-qAtc', text], { encoding: 'utf8' }).trim();
// Asked while the load runs in this process: over one connection, and without waiting for it here.
const watch = spawn('psql', [admin, '-qAt'], { stdio: ['pipe', 'pipe', 'inherit'] });
const answers = createInterface({ input: watch.stdout })[Symbol.asyncIterator]();

const change = `\\set id random(1, 100000)
begin;
select state from bench_target where id = :id for update;
update bench_target set state = state + 1, at = now() where id = :id;
`;
const last = "insert into bench_change (target, reason) values (:id, 'A reason as people write them, of some length.')";
// An event goes into the statement that writes last, as the product does it. pgbench takes a colon before a letter or a digit for a
// variable, also within quotes.
const event = `with changed as (${last}), sealed as (
  select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid as id, at
  from (select date_trunc('milliseconds', clock_timestamp()) as at) now
), written as (
  insert into ledger.event (event_id, recorded_at, schema_v, kind, outcome, actor_id, door, target_type, target_id, leaf)
  select id, at, 1, 'org.tier.fixed', 'success', '00000000-0000-7000-8000-000000000003', 'worker', 'org', :id::text, convert_to(format(
    '{"actor":"00000000-0000-7000-8000-000000000003","at":"%s","detail":"%s","door":"worker","id":"%s","kind":"org.tier.fixed","outcome":"success","target":{"id":"%s","type":"org"},"v":%s}',
    to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24":"MI":"SS.MS"Z"'), 'c1' || chr(58) || repeat('A', 43) || '=', id, :id::text, 1), 'UTF8') from sealed
) insert into ledger.detail (event_id, recorded_at, salt, data, words, marks)
  select id, at, decode(repeat('ab', 32), 'hex'), jsonb_build_object('reason', 'A reason as people write them, of some length.'),
    ' a reason as people write them of some length ', array['00000000-0000-7000-8000-000000000003', 'org.tier.fixed success'] from sealed;
`;
writeFileSync(join(folder, 'without.sql'), `${change}${last};\ncommit;\n`);
writeFileSync(join(folder, 'with.sql'), `${change}${event}commit;\n`);

sql(`create table bench_target (id bigint primary key, state int not null, at timestamptz);
  create table bench_change (id bigint generated always as identity primary key, target bigint not null, reason text not null, at timestamptz not null default now());
  create index on bench_change (target, id desc);
  insert into bench_target select n, 0, now() from generate_series(1, 100000) n;
  grant all on bench_target, bench_change to countersign_app;
  create function bench_nothing() returns trigger language plpgsql as 'begin return null; end';
  create trigger bench_no_audit before insert on ledger.event for each row execute function bench_nothing();
  create trigger bench_no_audit before insert on ledger.detail for each row execute function bench_nothing()`);
const guarded = sql("select string_agg(tgrelid::regclass::text, ' ') from pg_trigger where tgname = 'is_recorded'").split(' ');
// as in production: a scratch database syncs nothing and vacuums nothing
for (const setting of ['fsync = on', 'synchronous_commit = on', 'commit_delay = 2000', 'commit_siblings = 0', 'autovacuum = on', 'autovacuum_naptime = 5']) sql(`alter system set ${setting}`);
sql('select pg_reload_conf()');
audited(true);

/** Whether a decision leaves audit rows, and the database asks for them. */
function audited(is) {
  const [drop, guard] = is ? ['disable', 'enable'] : ['enable', 'disable'];
  sql(['ledger.event', 'ledger.detail'].map((table) => `alter table ${table} ${drop} trigger bench_no_audit;`).join(' ')
    + guarded.map((table) => `alter table ${table} ${guard} trigger is_recorded;`).join(' '));
}

/** Seconds that the oldest event has waited for its leaf. */
async function lag() {
  watch.stdin.write('select coalesce(extract(epoch from clock_timestamp() - (select recorded_at from ledger.pending order by xid, event_id limit 1)), 0);\n');
  return Number((await answers.next()).value);
}

/** Transactions each second without audit rows and with them, and how old the oldest event without a leaf was meanwhile. */
async function compared(name, run) {
  const took = { without: [], with: [] }, lags = [];
  console.log(`\n${name}`);
  for (let round = 0; round < rounds; round += 1) {
    const turn = ['without', 'with'];
    for (const what of round % 2 ? turn.reverse() : turn) {
      const ready = await run.prepare(what);
      while (sql('select exists (select from ledger.pending)') === 't') await sleep(100);
      sql('checkpoint');
      let over = false;
      const load = run.load(what, ready).finally(() => { over = true; });
      while (!over) {
        await sleep(100);
        const seen = await lag();
        if (what === 'with' && !over) lags.push(seen);
      }
      took[what].push(await load);
      console.log(`${what.padEnd(8)} ${took[what].at(-1).toFixed(0)} transactions/s`);
    }
  }
  const at = (list, share) => list.toSorted((a, b) => a - b)[Math.floor(list.length * share)];
  const shares = took.with.map((rate, round) => (100 * rate) / took.without[round]);
  lags.sort((a, b) => a - b);
  console.log(`with events, of those without: median of ${rounds} rounds ${at(shares, 0.5).toFixed(0)} %, half of them between ${at(shares, 0.25).toFixed(0)} and ${at(shares, 0.75).toFixed(0)} %; median with ${at(took.with, 0.5).toFixed(0)} of median without ${at(took.without, 0.5).toFixed(0)}: ${(100 * at(took.with, 0.5) / at(took.without, 0.5)).toFixed(0)} %`);
  console.log(`oldest event without a leaf: p50 ${lags[Math.floor(lags.length * 0.5)].toFixed(2)} s, p99 ${lags[Math.floor(lags.length * 0.99)].toFixed(2)} s, longest ${lags.at(-1).toFixed(2)} s`);
}

try {
  await start();
  const users = await customers();
  await compared(`rejections over ${clients} connections to ${process.env.REPLICAS ?? 1} replicas`, {
    prepare: async (what) => {
      audited(true);
      const asked = await ask(votes, users);
      audited(what === 'with');
      return asked;
    },
    load: (what, asked) => deciding(what, asked, 0),
  });
  audited(true);
  await compared(`the barest transaction, by ${clients} connections`, {
    prepare: async () => {},
    load: async (what) => {
      const { stdout } = await promisify(execFile)('pgbench', ['-n', '-M', 'prepared', '-c', clients, '-j', 2, '-T', seconds, '-f', join(folder, `${what}.sql`), admin.replace('//postgres@', '//countersign_app@')].map(String));
      return Number(/tps = ([\d.]+)/.exec(stdout)[1]);
    },
  });
} finally {
  watch.stdin.end();
  await stop();
  rmSync(folder, { recursive: true });
}
