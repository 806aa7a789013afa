// What the gate costs: `make bench-gate`. On a replica that has nothing else to do, requests are approved one after the other, seconds
// apart, and each is waited for. Nothing runs before its approval is under a published checkpoint, so the time from the vote until it
// is done holds the leaf, the signature, the copy outside and the change itself: the gate's share is less than that.
import { execFileSync } from 'node:child_process';
import { approver, ask, asker, call, customers, sleep, spread, start, stop } from './replica.mjs';

const approvals = Number(process.env.APPROVALS ?? 40);
const sql = (text) => execFileSync('psql', [process.env.DATABASE_OWNER_URL, '-qAtc', text], { encoding: 'utf8' }).trim();

try {
  await start();
  const answered = [], done = [], asked = await ask(approvals, await customers());
  for (const { id, binding } of asked) {
    // idle: what the one before left behind has had its checkpoint more than a second ago
    await sleep(2500 + Math.random() * 1000);
    const before = performance.now();
    await call('POST', `/api/requests/${id}/votes`, approver, { decision: 'approve', binding });
    answered.push(performance.now() - before);
    const { state } = await call('GET', `/api/requests/${id}/wait?timeout=30`, asker);
    if (state !== 'succeeded') throw new Error(`${id} is ${state}`);
    done.push(performance.now() - before);
  }
  // by the database's clock: from the approval's event until the attempt has its lease
  const ids = asked.map(({ id }) => id.slice(3)).join(', ');
  const began = sql(`select extract(epoch from min(a.started_at) - max(e.recorded_at)) * 1000 from attempt a join ledger.event e on e.request_id = a.request_id
    where e.kind = 'request.approved' and a.request_id in (${ids}) group by a.request_id`).split('\n').map(Number);
  console.log(`${approvals} approvals, one at a time`);
  console.log(`vote to its answer: ${spread(answered)}`);
  console.log(`approval to the beginning of what it allows: ${spread(began)}, p95 ${began[Math.floor(began.length * 0.95)].toFixed(1)} ms`);
  console.log(`vote to done: ${spread(done)}, p95 ${done[Math.floor(done.length * 0.95)].toFixed(1)} ms`);
} finally {
  await stop();
}
