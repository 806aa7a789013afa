// Finding in the ledger by its line: with keys alone, and without JavaScript. An export says how far it is, and is a plain download
// where no script runs. What was taken away is checked without us, by what the page says to type.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { axe, base, go, people, stage } from './harness.mjs';
import { focused, keys, press } from './keys.mjs';

const line = '#line', outcomes = '#rows .result';

async function type(page, text) {
  await keys(page, '/');
  assert.ok(await focused(page, line), '/ leads to the line');
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.insertText(text);
  await page.keyboard.press('Enter');
}

test('the line with keys alone', stage(async ({ open }) => {
  const page = await open({ as: people.auditor });
  await go(page, '/ledger');
  await type(page, 'action:request. -outcome:success since:365d');
  await page.waitForURL((url) => url.searchParams.get('action') === 'request.');
  assert.deepEqual(Object.fromEntries(new URL(page.url()).searchParams), { action: 'request.', outcome: '-success', since: '365d' });
  assert.equal(await page.inputValue(line), 'action:request. -outcome:success since:365d');
  assert.equal(await page.inputValue('#filter-action'), 'request.');
  assert.equal(await page.inputValue('#filter-outcome'), '-success');
  const shown = await page.locator(outcomes).evaluateAll((all) => [...new Set(all.map((result) => result.dataset.outcome))]);
  assert.ok(shown.length && !shown.includes('success'), shown.join());
  await axe(page);

  // the form is changed, and the line says so
  await keys(page, 'Escape');
  await page.locator('#filter-outcome').focus();
  await page.selectOption('#filter-outcome', 'denied');
  await page.waitForFunction(() => document.querySelector('#line').value === 'action:request. outcome:denied since:365d');

  // a mistake: told, focused, as it was typed
  await page.evaluate(() => document.activeElement.blur());
  await type(page, 'actor:민수 acton:x');
  await page.locator('#line-mistake', { hasText: '10번째 글자' }).waitFor();
  assert.ok(await focused(page, line), 'the line is where it is mended');
  assert.equal(await page.inputValue(line), 'actor:민수 acton:x');
  await axe(page);
}));

test('the line and an export without JavaScript', stage(async ({ open }) => {
  const page = await open({ as: people.auditor, script: false });
  await go(page, '/ledger');
  await page.fill(line, 'action:request.denied since:365d');
  await page.click('#line-go');
  assert.equal(page.url(), `${base}/ledger?action=request.denied&since=365d`);
  assert.deepEqual(await page.locator('#rows .sub .mono').evaluateAll((all) => [...new Set(all.map((kind) => kind.textContent))]), ['request.denied']);
  await page.fill(line, 'since:언제');
  await page.click('#line-go');
  await page.locator('#line-mistake', { hasText: '7번째 글자' }).waitFor();
  assert.equal(await page.inputValue(line), 'since:언제');

  await go(page, '/ledger?action=request.denied');
  await page.selectOption('#export-format', 'ndjson');
  await page.check('#export-openings');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#export-go')]);
  assert.match(download.suggestedFilename(), /^countersign-ledger-.*\.ndjson$/);
  whole(await readFile(await download.path(), 'utf8'));
}));

test('an export says how far it is', stage(async ({ open }) => {
  const page = await open({ as: people.auditor });
  await go(page, '/ledger?action=request.denied');
  await page.selectOption('#export-format', 'ndjson');
  const downloaded = page.waitForEvent('download');
  await press(page, '#export-go');
  const file = await downloaded;
  const events = whole(await readFile(await file.path(), 'utf8'));
  await page.locator('#export-progress', { hasText: events.toLocaleString('ko') }).waitFor();
  assert.match(file.suggestedFilename(), /^countersign-ledger-.*\.ndjson$/);
}));

test('an entry shows its JSON and the way to the whole story', stage(async ({ open }) => {
  const page = await open({ as: people.auditor });
  await go(page, '/ledger?action=request.denied');
  await press(page, '#rows a[data-row]');
  await page.waitForURL('**/ledger/*');
  const id = new URL(page.url()).pathname.split('/').pop();
  await press(page, '#json-open');
  assert.equal(JSON.parse(await page.locator('#json pre').innerText()).id, id);
  await axe(page);
  await press(page, '#stories a');
  await page.waitForURL('**/ledger?request=CR-*');
}));

test('what an auditor takes away is checked without us, as the page says', stage(async ({ open }) => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-auditor-'));
  try {
    const page = await open({ as: people.auditor });
    const save = async (selector, name) => {
      const downloaded = page.waitForEvent('download');
      await page.click(selector);
      const file = await downloaded;
      await file.saveAs(join(folder, name ?? file.suggestedFilename()));
    };
    const typed = async () => {
      await page.click('#elsewhere-open');
      const shown = page.locator('#elsewhere code');
      assert.equal(await shown.count(), 2, 'one key, one command');
      const [key, command] = await shown.allInnerTexts();
      assert.ok(command.includes(`--key '${key}'`), command);
      return command;
    };
    await go(page, '/ledger?range=last-week&action=org.tier.fixed');
    await save('#export-go', 'EXPORT.ndjson');
    const check = await typed();
    await axe(page);
    await save('#verifier');
    await page.click('#rows a[data-row]');
    await page.waitForURL('**/ledger/*');
    await save('#proof-file');
    await save('#leaf-file');
    const prove = await typed();
    await axe(page);
    for (const command of [check, prove]) {
      const { status, stdout } = run(command, folder);
      assert.equal(status, 0, stdout);
      assert.match(stdout, /^OK /m);
    }
    const file = join(folder, 'EXPORT.ndjson'), lines = (await readFile(file, 'utf8')).split('\n');
    lines[1] = lines[1].replace('org.tier.fixed', 'org.tier.fixec');
    await writeFile(file, lines.join('\n'));
    const { status, stdout } = run(check, folder), { index } = JSON.parse(lines[1]);
    assert.equal(status, 1);
    assert.match(stdout, new RegExp(`^WRONG .*\\b${index}\\b`, 'm'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}));

/** What a command says that somebody types into a shell in this folder. */
function run(command, folder) {
  const has = spawnSync('python3', ['-c', 'import cryptography']).status === 0;
  return spawnSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8', env: { ...process.env, PATH: `${has ? '' : '/usr/bin:'}${process.env.PATH}` } });
}

/** How many events a file of NDJSON has, which must say that it is complete. */
function whole(text) {
  const lines = text.trim().split('\n').map((one) => JSON.parse(one)), last = lines.pop();
  assert.equal(last.complete, true);
  assert.equal(last.events, lines.length);
  assert.ok(lines.length > 0 && lines.every((one) => one.event.kind === 'request.denied'));
  return lines.length;
}
