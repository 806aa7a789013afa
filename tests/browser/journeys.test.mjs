// Ten tasks from beginning to end with the keyboard alone, in Korean, as people do them whom nobody has told how: by the keys that
// are written on the page, and by Tab where none is. Every stop on the way must be visible and show that it has the focus.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { base, go, hooks, isLive, pathOf, people, stage } from './harness.mjs';
import { choose, down, focused, keys, press, tabTo, write } from './keys.mjs';
import { ask, assertDiff, change, fixLink, orgAt, requestId } from './road.mjs';

const rows = '#rows tbody tr[data-id]';

test('1 decides the request that expires next, from signing in', stage(async ({ open }) => {
  const page = await open();
  await go(page, '/login');
  await write(page, hooks.emailField, people.approver);
  await write(page, hooks.passwordField, 'countersign-demo');
  await keys(page, 'Enter');
  await page.waitForURL(`${base}/inbox`);
  await press(page, '#rows thead a[href$="sort=expires"]');
  await page.locator('#rows th[aria-sort="ascending"]', { hasText: '만료' }).waitFor();
  const id = await page.locator(rows).first().getAttribute('data-id');
  const times = await page.locator(rows).evaluateAll((all) => all.map((row) => [...row.querySelectorAll('time')].at(-1).dateTime));
  assert.deepEqual(times, times.toSorted(), 'what expires next is first');
  await down(page, hooks.open(id));
  await keys(page, 'Enter');
  await page.locator(`${hooks.request}[data-request="${id}"]`).waitFor();
  await keys(page, 'a');
  assert.ok(await focused(page, hooks.decideReason), 'a leads to where an opinion is written');
  await page.keyboard.type('확인했습니다');
  await keys(page, 'ControlOrMeta+Enter');
  await page.locator('#flash').waitFor();
  await page.locator(hooks.state('succeeded')).waitFor();
  assert.equal(pathOf(page), '/inbox', 'whoever works through a list stays there');
}));

test('2 rejects with a reason that was too short at first', stage(async ({ open }) => {
  const { id } = await ask(await open({ as: people.admin }), 10);
  const page = await open({ as: people.approver });
  page.problems.allow(/status of 422/);
  await go(page, '/inbox');
  await down(page, hooks.open(id));
  await keys(page, 'Enter');
  await page.locator(`${hooks.request}[data-request="${id}"]`).waitFor();
  await keys(page, 'r');
  await page.keyboard.type('범위 초과');
  await keys(page, 'ControlOrMeta+Enter');

  await page.waitForURL(`**/requests/${id}**`);
  const error = page.locator('#decide-error');
  await error.waitFor();
  assert.match(await error.innerText(), /10자 이상/);
  assert.equal(await page.inputValue(hooks.decideReason), '범위 초과');
  assert.ok(await page.evaluate(() => {
    const [here, error] = [document.activeElement, document.querySelector('#decide-error')];
    return (here !== document.body && here.contains(error)) || here.getAttribute('aria-describedby')?.split(' ').includes(error.id);
  }), 'the focus is on the error, or on the field it is about');
  await page.locator(hooks.state('pending')).waitFor();

  if (!(await focused(page, hooks.decideReason))) await tabTo(page, hooks.decideReason);
  await keys(page, 'End');
  await page.keyboard.type(': 계약에 없는 크레딧입니다');
  await press(page, hooks.reject);
  await page.locator(hooks.state('denied')).waitFor();
  assert.match(await page.locator(hooks.request).innerText(), /범위 초과: 계약에 없는 크레딧입니다/);
}));

test('3 finds an organisation with the palette and asks for a credit change, after a second thought', stage(async ({ open }) => {
  const page = await open({ as: people.admin });
  const org = await orgAt(page, 11);
  await go(page, '/');
  await keys(page, 'ControlOrMeta+k');
  await page.locator(hooks.paletteInput).waitFor();
  assert.ok(await focused(page, hooks.paletteInput), 'the palette takes what is typed');
  await page.keyboard.type(org.split('/').pop());
  const result = page.locator(`${hooks.paletteResult}[href$="${org}"]`);
  await result.waitFor();
  for (let step = 0; step < 20 && (await result.getAttribute('aria-selected')) !== 'true'; step += 1) await keys(page, 'ArrowDown');
  await keys(page, 'Enter');
  await page.waitForURL(`**${org}`);

  await press(page, fixLink(page, org));
  await page.locator(hooks.requestForm).waitFor();
  const { reason } = await change(page);
  await write(page, hooks.field('credit'), '12,345');
  await write(page, hooks.field('reason'), reason);
  await press(page, hooks.check);
  await assertDiff(page.locator(hooks.preview), { credit: '12345' });
  assert.ok(await focused(page, hooks.preview), 'what would change is read first');

  await press(page, '#edit');
  await page.locator(hooks.check).waitFor();
  assert.equal(await page.inputValue(hooks.field('reason')), reason);
  assert.equal(await page.inputValue(hooks.field('credit')), '12,345');
  await write(page, hooks.field('credit'), '23,456');
  await keys(page, 'ControlOrMeta+Enter');
  await assertDiff(page.locator(hooks.preview), { credit: '23456' });
  await keys(page, 'ControlOrMeta+Enter');
  const id = await requestId(page);
  await page.locator(hooks.state('pending')).waitFor();
  await assertDiff(page.locator(hooks.request), { credit: '23456' });
  assert.match(await page.locator('#flash').innerText(), new RegExp(id));
}));

test('4 proves a change of last week', stage(async ({ open }) => {
  const page = await open({ as: people.auditor });
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await go(page, '/');
  await keys(page, 'g', 'l');
  await page.waitForURL(`${base}/ledger`);
  await isLive(page);
  await keys(page, 'l');
  assert.ok(await focused(page, '#filter-range'), 'l leads to the filter');
  for (const part of ['today', 'week', 'last-week']) {
    await keys(page, 'ArrowDown');
    await page.waitForURL(`**/ledger?**range=${part}**`);
    assert.ok(await focused(page, '#filter-range'), 'a filter that was changed keeps the focus');
  }
  await page.locator('.chip', { hasText: '지난주' }).waitFor();
  const [monday, sunday] = lastWeek();
  const days = await page.locator(`${rows} time`).evaluateAll((all) => all.map((time) => time.dateTime));
  assert.ok(days.length, 'something happened last week');
  assert.ok(days.every((day) => new Date(day) >= monday && new Date(day) < sunday), `all of last week: ${days[0]} … ${days.at(-1)}`);

  await press(page, `${rows} a[data-row]`);
  await page.waitForURL('**/ledger/*');
  await page.locator('#commitment[data-kind="success"], #sealed').first().waitFor();
  const copy = '[aria-labelledby="proof-title"] [data-copy]';
  await press(page, copy);
  await page.locator('#sr-polite', { hasText: '복사했습니다' }).waitFor({ state: 'attached' });
  const hash = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(hash, /^[0-9a-f]{64}$/);
  assert.equal(hash, await page.getAttribute(copy, 'data-copy'));
}));

test('5 saves a view, opens it again and deletes it', stage(async ({ open }) => {
  const page = await open({ as: people.approver });
  const name = `높은 위험 ${Date.now() % 10_000}`;
  await go(page, '/inbox?tab=decided');
  await choose(page, '#filter-risk', 'high');
  await page.waitForURL('**risk=high**');
  await tabTo(page, 'a[data-row]');
  await keys(page, 's');
  assert.ok(await focused(page, '#view-name'), 's asks for the name');
  await page.keyboard.type(name);
  await keys(page, 'Enter');
  await page.locator('#flash', { hasText: name }).waitFor();
  assert.match(page.url(), /risk=high/);

  await keys(page, 'g', 'i');
  await page.waitForURL(`${base}/inbox`);
  const view = page.locator('#views .saved li', { hasText: name });
  await press(page, '#views-open');
  for (let step = 0; step < 40 && !(await view.locator('a:focus').count()); step += 1) await keys(page, 'Tab');
  await keys(page, 'Enter');
  await page.waitForURL('**risk=high**');
  assert.match(page.url(), /tab=decided/);

  await press(page, '#views-open');
  assert.equal(await view.locator('a').getAttribute('aria-current'), 'true', 'the view that is open says so');
  for (let step = 0; step < 40 && !(await view.locator('button:focus').count()); step += 1) await keys(page, 'Tab');
  await keys(page, 'Enter');
  await page.locator('#flash', { hasText: name }).waitFor();
  assert.equal(await view.count(), 0);
  assert.match(page.url(), /risk=high/, 'deleting a view leaves the list as it is');
}));

test('6 chooses columns and sorts', stage(async ({ open }) => {
  const page = await open({ as: people.admin });
  await go(page, '/orgs');
  await press(page, '#columns-open');
  await press(page, '#columns input[value="id"]', 'Space');
  await press(page, '#columns input[value="company"]', 'Space');
  await press(page, '#columns-go');
  await page.waitForURL('**cols=**');
  const titles = async () => (await page.locator('#rows thead th').allInnerTexts()).map((title) => title.trim()), heads = await titles();
  assert.deepEqual(heads, ['조직', 'ID', '등급', '크레딧', '구성원']);

  const credit = 'thead a:is([href$="sort=credit"], [href$="sort=-credit"])';
  const numbers = async () => (await page.locator(`${rows} td:nth-of-type(3)`).allInnerTexts()).map((text) => Number(text.replaceAll(',', '')));
  await press(page, credit);
  await page.locator('th[aria-sort="ascending"]', { hasText: '크레딧' }).waitFor();
  const up = await numbers();
  assert.deepEqual(up, up.toSorted((a, b) => a - b));
  await press(page, credit);
  await page.locator('th[aria-sort="descending"]', { hasText: '크레딧' }).waitFor();
  const falling = await numbers();
  assert.deepEqual(falling, falling.toSorted((a, b) => b - a));
  assert.ok(falling[0] > up[0]);
  assert.deepEqual(await titles(), heads, 'the columns stay');
}));

test('7 approves three at once, after a dry run', stage(async ({ open }) => {
  const admin = await open({ as: people.admin });
  const ids = [];
  for (const index of [12, 13, 14]) ids.push((await ask(admin, index)).id);
  const page = await open({ as: people.approver });
  await go(page, '/inbox');
  await down(page, hooks.open(ids.at(-1)));
  await keys(page, 'x', 'Shift+j', 'Shift+j');
  const chosen = await page.locator(`${hooks.rowBox}:checked`).evaluateAll((boxes) => boxes.map((box) => box.value));
  assert.deepEqual(chosen, ids.toReversed());
  assert.match(await page.locator('#bulk-count').innerText(), /3건 선택/);
  await press(page, hooks.bulkGo);

  await page.locator('#bulk-form').waitFor();
  assert.match(await page.locator('#bulk-form [role="status"]').innerText(), /결정할 수 있는 요청 3건/);
  for (const id of ids) assert.ok(await page.locator(`#item-${id}`).isChecked());
  await write(page, '#bulk-reason', '세 건 모두 계약서와 일치합니다');
  await press(page, '#bulk-approve');
  await page.locator('#bulk-result').waitFor();
  assert.ok(await focused(page, '#bulk-result'), 'what became of it is read first');
  assert.match(await page.locator('#bulk-result').innerText(), /3건 중 3건을 승인했고 0건을 건너뛰었습니다/);
  for (const id of ids) assert.equal(await page.locator('.dry-run [data-kind="success"]', { hasText: id }).count(), 1);
  await press(page, '#bulk-back');
  await page.waitForURL('**/inbox**');
  assert.equal(await page.locator(`${hooks.rowBox}:checked`).count(), 0);
  for (const id of ids) await page.locator(hooks.row(id)).waitFor({ state: 'detached' });
}));

test('8 pages through a long list and back', stage(async ({ open }) => {
  const page = await open({ as: people.approver });
  const shown = () => page.locator(rows).evaluateAll((all) => all.map((row) => row.dataset.id));
  await go(page, '/inbox');
  await press(page, '.views a[href*="tab=decided"]');
  await page.waitForURL('**tab=decided**');
  const pages = [await shown()];
  for (const step of [1, 2]) {
    await press(page, hooks.next);
    await page.locator(`#row-${pages.at(-1)[0]}`).waitFor({ state: 'detached' });
    pages.push(await shown());
    assert.equal(new Set(pages.flat()).size, pages.flat().length, `page ${step + 1} repeats nothing`);
  }
  await tabTo(page, hooks.next);
  await tabTo(page, `#open-${pages.at(-1)[0]}`, 'Shift+Tab'); // upwards, nothing may hide under the head
  for (const step of [1, 0]) {
    await press(page, '#previous');
    await page.locator(`#row-${pages[step][0]}`).waitFor();
    assert.deepEqual(await shown(), pages[step]);
  }
  assert.equal(await page.locator('#previous').count(), 0);
  await page.locator('.pager .unavailable', { hasText: '첫 페이지입니다' }).waitFor();
}));

test('9 changes how the page looks and keeps a half-typed reason', stage(async ({ open }) => {
  const { id } = await ask(await open({ as: people.admin }), 15);
  const page = await open({ as: people.approver });
  await go(page, `/requests/${id}`);
  await keys(page, 'r');
  await page.keyboard.type('계약서에 없는');
  const html = (name) => page.getAttribute('html', name);
  await press(page, hooks.menu);
  await press(page, '#theme-dark');
  await page.waitForFunction(() => document.documentElement.dataset.theme === 'dark');
  assert.match(await html('class'), /dark/);
  await press(page, '#density-compact');
  assert.equal(await html('data-density'), 'compact');
  assert.equal(await page.inputValue(hooks.decideReason), '계약서에 없는');
  await press(page, '#lang');
  await page.locator('html[lang="en"]').waitFor();
  assert.deepEqual([await html('data-theme'), await html('data-density')], ['dark', 'compact']);
  assert.equal(await page.inputValue(hooks.decideReason), '계약서에 없는');
  await page.locator('#decide-form [data-draft-note]').filter({ visible: true }).waitFor();
  assert.equal(pathOf(page), `/requests/${id}`);
}));

test('10 takes a list away, reads the help, and signs out', stage(async ({ open }) => {
  const page = await open({ as: people.approver, fresh: true });
  await go(page, '/inbox?tab=decided');
  await choose(page, '#filter-state', 'denied');
  await page.waitForURL('**state=denied**');
  await tabTo(page, 'a[data-row]');
  const coming = page.waitForEvent('download');
  await keys(page, 'e');
  const file = await coming;
  assert.match(file.suggestedFilename(), /\.csv$/);
  const [head, ...lines] = (await readFile(await file.path(), 'utf8')).trim().split(/\r?\n/);
  const column = head.replace(/^\uFEFF/, '').split(',').findIndex((name) => /상태|state/.test(name));
  assert.ok(column >= 0 && lines.length > 50, `${lines.length} lines under ${head}`);
  assert.ok(lines.every((line) => line.includes('denied')), 'the file has the filter of the page');

  await press(page, '#help');
  await page.waitForURL('**/help/inbox');
  await press(page, hooks.menu);
  await press(page, hooks.signOut);
  await page.waitForURL(`${base}/login`);
  await go(page, '/inbox');
  assert.equal(pathOf(page), '/login');
}));

/** Monday's midnight and the next one's, in Korea. */
function lastWeek() {
  const zone = 9 * 3_600_000, day = 86_400_000, today = Math.floor((Date.now() + zone) / day);
  // day 0 was a Thursday
  const monday = today - ((today + 3) % 7) - 7;
  return [monday, monday + 7].map((number) => new Date(number * day - zone));
}
