// The same road with JavaScript off: every action is a form or a link first.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { base, everyWay, firstRequest, go, hooks, links, pathOf, people, signOut, stage } from './harness.mjs';
import { ask, assertDiff, assertLedgerEntry, change, fixLink, orgAt, requestId } from './road.mjs';

test('the road without JavaScript', stage(async ({ open }) => {
  const requester = await open({ as: people.admin, script: false, fresh: true });
  const org = await orgAt(requester, 5);
  await requester.click(`${hooks.main} a[href$="${org}"]`);
  await requester.click(fixLink(requester, org));
  const wanted = await change(requester);
  await requester.selectOption(hooks.field('tier'), wanted.tier);
  await requester.fill(hooks.field('credit'), wanted.credit);
  await requester.fill(hooks.field('reason'), wanted.reason);
  await requester.click(hooks.check);
  await assertDiff(requester.locator(hooks.preview), wanted);
  await requester.click(hooks.submit);
  const id = await requestId(requester);

  const approver = await open({ as: people.approver, script: false, fresh: true });
  await go(approver, '/inbox');
  await approver.locator(hooks.open(id)).filter({ visible: true }).click();
  await assertDiff(approver.locator(hooks.request), wanted);
  await approver.fill(hooks.decideReason, '확인');
  await approver.click(hooks.approve);
  await reloadUntil(approver, hooks.state('succeeded'), id);

  await reloadUntil(requester, hooks.state('succeeded'), id);
  await assertLedgerEntry(requester, id);
}));

test('language, look and signing out, and the page stays the same', stage(async ({ open }) => {
  const page = await open({ as: people.cs, script: false, fresh: true });
  const html = (name) => page.getAttribute('html', name), here = `${base}/orgs?tier=pro&sort=-credit`;
  const chosen = async (act) => {
    await act();
    assert.equal(page.url(), here);
  };
  await go(page, here);
  await chosen(() => page.click('#lang'));
  assert.equal(await html('lang'), 'en');
  for (const [name, value] of [['theme', 'dark'], ['theme', 'system'], ['density', 'compact'], ['density', 'comfortable']]) {
    await page.click(hooks.menu);
    await chosen(() => page.click(`#${name}-${value}`));
    assert.equal(await html(`data-${name}`), value);
    assert.equal(await page.getAttribute(`#${name}-${value}`, 'aria-pressed'), 'true');
  }
  for (const state of ['folded', 'open']) {
    await chosen(() => page.click('#nav-fold'));
    assert.equal(await html('data-nav'), state);
  }
  await signOut(page);
  await go(page, '/inbox');
  await page.waitForURL(`${base}/login**`);
}));

test('nothing is shown that only a script can do', stage(async ({ open }) => {
  const page = await open({ as: people.approver, script: false });
  const dead = page.locator('.only-js, [data-copy], [data-open], [data-fresh], [data-draft-discard], #keys, #palette, #session-warning');
  const paths = ['/', '/inbox', '/orgs', '/ledger', await firstRequest(page), '/requests/new/org.tier.fix', '/style', '/search', '/help'];
  await everyWay(paths.map((path) => ({ path })), async ({ path }) => {
    await go(page, path);
    assert.deepEqual(await dead.filter({ visible: true }).evaluateAll((all) => all.map((element) => element.outerHTML.slice(0, 120))), []);
  });
}));

test('filters, their chips, sorting and paging', stage(async ({ open }) => {
  const page = await open({ as: people.approver, script: false });
  await go(page, '/inbox?tab=decided');
  await page.selectOption('#filter-state', 'denied');
  await page.click('#filter-go');
  assert.deepEqual(asked(page), { tab: 'decided', state: 'denied' });
  const states = () => page.locator('#rows .state').evaluateAll((all) => [...new Set(all.map((state) => state.dataset.state))]);
  assert.deepEqual(await states(), ['denied']);
  const first = await page.locator(hooks.anyRequest).first().getAttribute('id');
  await page.click(hooks.next);
  assert.deepEqual(await states(), ['denied']);
  await page.click('#previous');
  assert.equal(await page.locator(hooks.anyRequest).first().getAttribute('id'), first);
  await page.click('#rows thead a[href*="sort=created"]');
  assert.deepEqual(asked(page), { tab: 'decided', state: 'denied', sort: 'created' });
  assert.notEqual(await page.locator(hooks.anyRequest).first().getAttribute('id'), first);
  await page.fill(hooks.filter, 'qqqqq');
  await page.click('#filter-go');
  assert.equal(await page.locator(hooks.anyRequest).count(), 0);
  await page.click('#clear');
  assert.deepEqual(asked(page), { tab: 'decided', sort: 'created' });

  await go(page, '/ledger');
  await page.selectOption('#filter-action', 'session.');
  await page.click('#filter-more');
  await page.fill('#filter-since', '2020-01-01');
  await page.click('#filter-go');
  await page.locator('.chip').nth(1).waitFor();
  await page.locator('.chip').first().click();
  assert.deepEqual(Object.keys(asked(page)), ['since']);
}));

test('columns', stage(async ({ open }) => {
  const page = await open({ as: people.approver, script: false });
  const heads = async () => (await page.locator('#rows thead th').allInnerTexts()).map((head) => head.trim());
  await go(page, '/orgs?tier=pro');
  const own = await heads();
  await page.click('#columns-open');
  await page.check('#columns input[value="id"]');
  await page.uncheck('#columns input[value="members"]');
  await page.click('#columns-go');
  assert.deepEqual(await heads(), ['조직', 'ID', '고객사', '등급', '크레딧']);
  assert.equal(asked(page).tier, 'pro');
  await page.click('#columns-open');
  await page.click('#columns a');
  assert.deepEqual(await heads(), own);
  assert.deepEqual(asked(page), { tier: 'pro' });
}));

test('a view is saved, opened and removed', stage(async ({ open }) => {
  const page = await open({ as: people.approver, script: false }), name = `보기 ${Date.now() % 10_000}`;
  await go(page, '/users?plan=pro&sort=email');
  await page.click('#views-open');
  await page.fill('#view-name', name);
  await page.click('#view-save');
  await page.locator('#flash', { hasText: name }).waitFor();
  await go(page, '/users');
  await page.click('#views-open');
  const view = page.locator('#views .saved li', { hasText: name });
  await view.locator('a').click();
  assert.deepEqual(asked(page), { plan: 'pro', sort: 'email' });
  await page.click('#views-open');
  await view.locator('button').click();
  await page.locator('#flash', { hasText: name }).waitFor();
  assert.equal(await view.count(), 0);
  assert.deepEqual(asked(page), { plan: 'pro', sort: 'email' });
}));

test('asking, with mistakes and second thoughts', stage(async ({ open }) => {
  const page = await open({ as: people.admin, script: false });
  page.problems.allow(/status of 422/);
  await go(page, '/');
  await page.click('#new-request');
  await page.click('a[href$="/requests/new/org.tier.fix"]');
  await page.fill(hooks.field('credit'), '많이');
  await page.click(hooks.check);
  await page.locator(hooks.errors).waitFor();
  for (const name of ['org_id', 'credit', 'reason']) assert.equal(await page.getAttribute(hooks.field(name), 'aria-invalid'), 'true', name);
  assert.equal(await page.inputValue(hooks.field('credit')), '많이');
  await page.fill(hooks.field('org_id'), (await orgIds(open))[40]);
  await page.fill(hooks.field('credit'), '11,111');
  await page.fill(hooks.field('reason'), '계약서 별첨 2에 따라');
  await page.click(hooks.check);
  await assertDiff(page.locator(hooks.preview), { credit: '11111' });
  await page.reload();
  await assertDiff(page.locator(hooks.preview), { credit: '11111' });
  await page.click('#lang');
  await assertDiff(page.locator(hooks.preview), { credit: '11111' });
  await page.click('#edit');
  assert.equal(await page.inputValue(hooks.field('credit')), '11,111');
  await page.fill(hooks.field('credit'), '22,222');
  await page.click(hooks.check);
  await page.click('#edit-again');
  assert.equal(await page.inputValue(hooks.field('credit')), '22,222');
  await page.click(hooks.check);
  await assertDiff(page.locator(hooks.preview), { credit: '22222' });
  await page.click(hooks.submit);
  const id = await requestId(page);
  await page.locator('#flash', { hasText: id }).waitFor();
  await page.click('#withdraw');
  await page.locator(hooks.state('withdrawn')).waitFor();
}));

test('rejecting, with a reason that was too short', stage(async ({ open }) => {
  const { id } = await ask(await open({ as: people.admin }), 41);
  const page = await open({ as: people.approver, script: false });
  page.problems.allow(/status of 422/);
  await go(page, `/requests/${id}`);
  await page.fill(hooks.decideReason, '짧음');
  await page.click(hooks.reject);
  await page.locator(hooks.decideError).waitFor();
  assert.equal(await page.inputValue(hooks.decideReason), '짧음');
  await page.fill(hooks.decideReason, '계약 범위를 넘습니다');
  await page.click(hooks.reject);
  await page.locator(hooks.state('denied')).waitFor();
}));

test('many at once: the dry run and the votes', stage(async ({ open }) => {
  const admin = await open({ as: people.admin }), ids = [];
  for (const index of [42, 43, 44]) ids.push((await ask(admin, index)).id);
  const page = await open({ as: people.approver, script: false });
  page.problems.allow(/status of 422/);
  await go(page, '/inbox');
  await page.click(hooks.bulkGo);
  await page.locator('#bulk-back').click(); // nothing was selected
  for (const id of ids) await page.check(`${hooks.row(id)} input[name="id"]`);
  await page.click(hooks.bulkGo);
  assert.equal(await page.locator('#bulk-form [name="item"]:checked').count(), 3);
  await page.uncheck(`#item-${ids[0]}`);
  await page.fill('#bulk-reason', '짧음');
  await page.click('#bulk-reject');
  await page.locator(hooks.errors).waitFor();
  assert.equal(await page.inputValue('#bulk-reason'), '짧음');
  await page.fill('#bulk-reason', '두 건 모두 확인했습니다');
  await page.click('#bulk-approve');
  await page.locator('#bulk-result').waitFor();
  assert.deepEqual((await page.locator('.dry-run [data-kind="success"] a').allInnerTexts()).toSorted(), ids.slice(1));
  await page.click('#bulk-back');
  assert.equal(await page.locator(hooks.row(ids[0])).count(), 1);
  assert.equal(await page.locator(hooks.row(ids[1])).count(), 0);
}));

test('another language on a page that answers a form', stage(async ({ open }) => {
  const page = await open({ as: people.approver, script: false });
  page.problems.allow(/status of 422/);
  await go(page, await firstRequest(page));
  await page.fill(hooks.decideReason, '짧음');
  await page.click(hooks.reject);
  await page.locator(hooks.decideError).waitFor();
  await page.click('#lang');
  assert.equal(await page.locator(hooks.request).count(), 1, `the request is gone: ${page.url()}`);
  await go(page, '/inbox');
  await page.locator(hooks.rowBox).first().check();
  await page.click(hooks.bulkGo);
  await page.click('#lang');
  assert.equal(await page.locator('.failure').count(), 0, `the dry run is gone: ${page.url()}`);
}));

test('searching, from the header', stage(async ({ open }) => {
  const page = await open({ as: people.approver, script: false });
  await go(page, '/');
  await page.click('#find');
  assert.equal(pathOf(page), '/search');
  await page.fill('#search-q', 'org_hanbit0001');
  await page.click('#search-go');
  await page.click('#results a[href="/orgs/org_hanbit0001"]');
  assert.equal(pathOf(page), '/orgs/org_hanbit0001');
  await go(page, '/search?q=qqqqq');
  await page.locator('.blank').waitFor();
}));

test('the tour is dismissed and comes back', stage(async ({ open }) => {
  const page = await open({ as: people.approver, script: false });
  await go(page, '/');
  await page.click('#tour-off');
  assert.equal(await page.locator('#tour').count(), 0);
  await page.click(hooks.menu);
  await page.click('#me-tour');
  await page.locator('#tour').waitFor();
}));

test('files are sent with the form', stage(async ({ open }) => {
  const page = await open({ as: people.admin, script: false });
  await go(page, '/style');
  const files = ['one', 'two'].map((name) => ({ name: `${name}.txt`, mimeType: 'text/plain', buffer: Buffer.from(`${name} ${Date.now()}`) }));
  const form = page.locator('form[data-upload]');
  await form.locator('input[type="file"]').setInputFiles(files);
  await form.locator('button[type="submit"]').click();
  const told = await page.locator('#flash').innerText();
  for (const { name } of files) assert.match(told, new RegExp(`${name.replace('.', '\\.')} \\(SHA-256 [0-9a-f]{12}`));
}));

/** What the address asks for. */
function asked(page) {
  return Object.fromEntries([...new URL(page.url()).searchParams].filter(([name, value]) => value && !['after', 'before'].includes(name)));
}

async function orgIds(open) {
  const page = await open({ as: people.admin });
  await go(page, '/orgs');
  return (await links(page, /^\/orgs\/[^/]+$/)).map((path) => path.split('/').pop());
}

async function reloadUntil(page, selector, id) {
  for (let attempt = 0; attempt < 40; attempt += 1) {
    await go(page, `/requests/${id}`);
    if (await page.locator(selector).count()) return;
    await page.waitForTimeout(250);
  }
  assert.fail(`${page.url()} never showed ${selector}`);
}
