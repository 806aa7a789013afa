// Callers that wait, and decisions: `make bench-waiting`. One replica on the database of DATABASE_URL, many connections from here.
// Client, replica and PostgreSQL share the machine: compare figures of one run with each other.
import { connect } from 'node:net';
import { approver, ask, asker, call, clients, customers, deciding, port, resident, sleep, spread, start, stop, voters } from './replica.mjs';

const waiters = Number(process.env.WAITERS ?? 10_000), requests = Math.ceil(waiters / 5), decided = Math.min(Number(process.env.DECIDED ?? 300), requests);
const votes = Number(process.env.VOTES ?? 6_000);

try {
  await start();
  const users = await customers();
  await waiting(await ask(requests, users));
  await start('--no-worker');
  console.log(`\n${votes} decisions by ${voters} people over ${clients} connections`);
  for (const [what, share] of [['rejections (vote, request, 2 events, outbox)', 0], ['approvals (vote, request, 2 events, outbox, job)', 1]]) {
    await deciding(what, await ask(votes, users), share);
  }
  await start();
  console.log('with a worker on the same replica, which carries them out as they come:');
  await deciding('approvals', await ask(Math.ceil(votes / 2), users), 1);
} finally {
  await stop();
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
    await call('POST', `/api/requests/${id}/votes`, approver, { decision: 'reject', binding, reason: 'Decided by a bench.' });
    await sleep(20);
  }
  await sleep(1500);
  console.log(`${decided} decisions, one after the other: ${times.length} waiters answered, ${failed} failed; from sending the vote until the waiter has its answer: ${spread(times)}`);
  sockets.forEach((socket) => socket.destroy());
  await sleep(1000);
  console.log(`resident after: ${resident()} MB`);
}
