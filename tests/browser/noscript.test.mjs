// The same road with JavaScript off: every action is a form or a link first.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { base, go, hooks, pathOf, people, signOut, stage } from './harness.mjs';
import { assertDiff, assertLedgerEntry, change, fixLink, orgAt, requestId } from './road.mjs';

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

test('language, theme and signing out without JavaScript', stage(async ({ open }) => {
  const page = await open({ as: people.cs, script: false, fresh: true });
  await go(page, '/orgs');
  await page.click('button[name="lang"][value="en"]');
  assert.equal(await page.getAttribute('html', 'lang'), 'en');
  assert.equal(pathOf(page), '/orgs');
  await page.click('button[name="theme"][value="dark"]');
  assert.equal(await page.getAttribute('html', 'data-theme'), 'dark');
  await signOut(page);
  await go(page, '/inbox');
  await page.waitForURL(`${base}/login**`);
}));

async function reloadUntil(page, selector, id) {
  for (let attempt = 0; attempt < 40; attempt += 1) {
    await go(page, `/requests/${id}`);
    if (await page.locator(selector).count()) return;
    await page.waitForTimeout(250);
  }
  assert.fail(`${page.url()} never showed ${selector}`);
}
