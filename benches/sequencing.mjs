// What the ledger costs: `make bench-sequencing`. The same transactions with their events and without, one after the other and again, by 32
// writers of pgbench with a commit of 2 ms, while a replica sequences; and how far the sequencer falls behind. Everything shares the
// machine: compare figures of one run with each other.
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const writers = Number(process.env.WRITERS ?? 32), seconds = Number(process.env.SECONDS ?? 15), rounds = Number(process.env.ROUNDS ?? 3);
const owner = process.env.DATABASE_OWNER_URL, admin = owner.replace('countersign_owner', 'postgres');
const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
const sql = (text) => execFileSync('psql', [admin, '-qAtc', text], { encoding: 'utf8' }).trim();
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// a change as operations make them: one row read under its lock and changed, one row written
const change = `\\set id random(1, 100000)
begin;
select state from bench_target where id = :id for update;
update bench_target set state = state + 1, at = now() where id = :id;
insert into bench_change (target, reason) values (:id, 'A reason as people write them, of some length.');
`;
// pgbench takes a colon before a letter or a digit for a variable, also within quotes
const event = `with sealed as (
  select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid as id, at
  from (select date_trunc('milliseconds', clock_timestamp()) as at) now
), written as (
  insert into ledger.event (event_id, recorded_at, schema_v, kind, outcome, actor_id, door, target_type, target_id, leaf)
  select id, at, 1, 'org.tier.fixed', 'success', '00000000-0000-7000-8000-000000000003', 'worker', 'org', :id::text, convert_to(format(
    '{"actor":"00000000-0000-7000-8000-000000000003","at":"%s","detail":"%s","door":"worker","id":"%s","kind":"org.tier.fixed","outcome":"success","target":{"id":"%s","type":"org"},"v":%s}',
    to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24":"MI":"SS.MS"Z"'), 'c1' || chr(58) || repeat('A', 43) || '=', id, :id::text, 1), 'UTF8') from sealed
) insert into ledger.detail (event_id, recorded_at, salt, data, words)
  select id, at, decode(repeat('ab', 32), 'hex'), jsonb_build_object('reason', 'A reason as people write them, of some length.'),
    ' a reason as people write them of some length ' from sealed;
`;
writeFileSync(join(folder, 'without.sql'), `${change}commit;\n`);
writeFileSync(join(folder, 'with.sql'), `${change}${event}commit;\n`);

sql(`create table bench_target (id bigint primary key, state int not null, at timestamptz);
  create table bench_change (id bigint generated always as identity primary key, target bigint not null, reason text not null, at timestamptz not null default now());
  create index on bench_change (target, id desc);
  insert into bench_target select n, 0, now() from generate_series(1, 100000) n;
  grant all on bench_target, bench_change to countersign_app`);
for (const setting of ['fsync = on', 'synchronous_commit = on', 'commit_delay = 2000', 'commit_siblings = 0']) sql(`alter system set ${setting}`);
sql('select pg_reload_conf()');

const replica = spawn(process.env.COUNTERSIGN_BIN, ['serve', '--worker-only'], { stdio: 'ignore' });
try {
  const took = { without: [], with: [] }, lags = [];
  await sleep(2000);
  for (let round = 0; round < rounds; round += 1) {
    for (const what of ['without', 'with']) {
      sql('checkpoint');
      const load = promisify(execFile)('pgbench', ['-n', '-M', 'prepared', '-c', writers, '-j', 2, '-T', seconds, '-f', join(folder, `${what}.sql`), admin.replace('//postgres@', '//countersign_app@')].map(String));
      let over = false;
      load.finally(() => { over = true; }).catch(() => {});
      while (!over) {
        await sleep(100);
        if (what === 'with' && !over) lags.push(Number(sql("select coalesce(extract(epoch from clock_timestamp() - min(recorded_at)), 0) from ledger.pending")));
      }
      const { stdout } = await load;
      took[what].push(Number(/tps = ([\d.]+)/.exec(stdout)[1]));
      console.log(`${what.padEnd(8)} ${took[what].at(-1).toFixed(0)} transactions/s`);
    }
  }
  const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
  lags.sort((a, b) => a - b);
  console.log(`with events: ${(100 * median(took.with) / median(took.without)).toFixed(0)} % of the transactions without`);
  console.log(`oldest event without a leaf: p50 ${lags[Math.floor(lags.length * 0.5)].toFixed(2)} s, p99 ${lags[Math.floor(lags.length * 0.99)].toFixed(2)} s, longest ${lags.at(-1).toFixed(2)} s`);
} finally {
  replica.kill('SIGTERM');
  rmSync(folder, { recursive: true });
}
