// Runs the browser tests against one server: `npm test`, or `node browser/run.mjs browser/road.test.mjs`.
// The tests of the peers go first: when they fail, no sign-in test need be believed. In the end the server must not have been told of
// a broken Content-Security-Policy: its log also knows what happened on pages that were gone before their console could be read.
import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { startServer } from './server.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const suite = async (directory) => (await readdir(`${root}${directory}`)).filter((name) => name.endsWith('.test.mjs')).sort().map((name) => `${directory}/${name}`);
const chosen = process.argv.slice(2);
const files = chosen.length ? chosen : [...(await suite('peers')), ...(await suite('browser'))];

const server = process.env.BASE_URL ? null : await startServer();
process.once('SIGINT', () => {}); // the tests get it, too; then the server is stopped below
// one file at a time: the roads count on an inbox that others leave alone
const tests = spawn(process.execPath, ['--test', '--test-concurrency=1', '--test-reporter=spec', ...files], {
  cwd: root, stdio: 'inherit', env: { ...process.env, BASE_URL: server?.url ?? process.env.BASE_URL, PRODUCT_URL: server?.product ?? process.env.PRODUCT_URL, TILL_URL: server?.till ?? process.env.TILL_URL },
});
const code = await new Promise((resolve) => tests.once('exit', (status) => resolve(status ?? 1)));
if (code && server) console.error(`\nthe server's last words:\n${server.tail.slice(-40).join('\n')}`);
await server?.stop();
const violations = server?.violations ?? [];
if (violations.length) console.error(`\n${violations.length} times a page broke the Content-Security-Policy:\n${violations.slice(0, 20).join('\n')}`);
process.exit(code || (violations.length ? 1 : 0));
