// The demo server under test, with data of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Starts the demo with data of its own and resolves when it is ready. `violations` are the broken policies that browsers told it of. */
export async function startServer() {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-'));
  // as root, PostgreSQL runs as another user, which has to reach its directory through this one
  await chmod(directory, 0o755);
  const program = process.env.COUNTERSIGN_BIN
    ? resolve(process.env.COUNTERSIGN_BIN)
    : resolve(repository, process.env.CARGO_TARGET_DIR ?? 'target', 'debug/countersign');
  const options = ['demo', '--port', '0', '--data', join(directory, 'data'), '--identity-provider', join(repository, 'tests/peers/oidc.mjs')];
  const child = spawn(program, options, { cwd: repository, stdio: ['pipe', 'pipe', 'pipe'] });
  const tail = [], violations = [];
  let product, till; // the demo's product and its customers' payments: both can be told to misbehave
  const keep = (line) => {
    tail.push(line);
    if (tail.length > 200) tail.shift();
    if (/csp violation/i.test(line)) violations.push(line);
  };

  const ready = new Promise((found, reject) => {
    child.once('error', (error) => reject(new Error(`cannot start ${program}: ${error.message}; build it with \`cargo build\`, or set COUNTERSIGN_BIN or BASE_URL`)));
    child.once('exit', (code, signal) => reject(new Error(`the server ended (${code ?? signal}) before it was ready:\n${tail.slice(-30).join('\n')}`)));
    setTimeout(() => reject(new Error(`the server was not ready within 3 minutes:\n${tail.slice(-30).join('\n')}`)), 180_000).unref();
    createInterface(child.stdout).on('line', (line) => {
      keep(line);
      product ??= /^product (http:\/\/\S+?)\/?$/.exec(line)?.[1];
      till ??= /^till (http:\/\/\S+?)\/?$/.exec(line)?.[1];
      const url = /^ready (http:\/\/\S+?)\/?$/.exec(line)?.[1];
      if (url) found(url);
    });
  });
  createInterface(child.stderr).on('line', keep);

  const kill = () => child.kill('SIGTERM');
  process.once('exit', kill);
  const stop = async () => {
    process.off('exit', kill);
    if (child.pid && child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      child.kill('SIGINT');
      const impatient = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await gone;
      clearTimeout(impatient);
    }
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const url = await ready;
    return { url, product, till, stop, tail, violations };
  } catch (error) {
    await stop();
    throw error;
  }
}
