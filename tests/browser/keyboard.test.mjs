// The same road without a pointer. Tab and Enter must do for everything; the shortcuts only make it shorter.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { base, go, hooks, isLive, pathOf, people, stage } from './harness.mjs';
import { choose, down, keys, press, write } from './keys.mjs';
import { assertDiff, assertLedgerEntry, change, fixLink, orgAt, requestId } from './road.mjs';

test('the road with Tab, Enter and arrows', stage(async ({ open }) => {
  const requester = await open({ as: people.admin });
  const { id, wanted } = await askByKeys(requester, 3);

  const approver = await open({ as: people.approver });
  await go(approver, '/inbox');
  await press(approver, hooks.open(id));
  await assertDiff(approver.locator(hooks.request), wanted);
  await write(approver, hooks.decideReason, 'checked with the contract');
  await press(approver, hooks.approve);
  await approver.locator(hooks.state('succeeded')).waitFor();

  await requester.locator(hooks.state('succeeded')).waitFor();
  await assertLedgerEntry(requester, id);
}));

test('signing in with the keyboard', stage(async ({ open }) => {
  const page = await open();
  await go(page, '/login');
  await write(page, hooks.emailField, people.sre);
  await write(page, hooks.passwordField, 'countersign-demo');
  await page.keyboard.press('Enter');
  await page.waitForURL((url) => url.pathname !== '/login');
}));

test('the skip link is first and leads to the content', stage(async ({ open }) => {
  const page = await open({ as: people.admin });
  await go(page, '/inbox');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.matches('#main')), true);
}));

test('the shortcuts: g i, j, Enter, a, Ctrl+Enter', stage(async ({ open }) => {
  const requester = await open({ as: people.admin });
  const { id } = await askByKeys(requester, 4);

  const approver = await open({ as: people.approver });
  await go(approver, '/');
  await isLive(approver);
  await keys(approver, 'g', 'i');
  await approver.waitForURL((url) => url.pathname === '/inbox');
  await approver.locator(hooks.row(id)).waitFor();
  await down(approver, hooks.open(id));
  await keys(approver, 'Enter');
  await approver.locator(hooks.approve).waitFor();

  await keys(approver, 'a');
  await approver.waitForTimeout(500);
  assert.equal(await approver.locator(hooks.state('pending')).count(), 1, 'one key alone never decides');
  await keys(approver, 'ControlOrMeta+Enter');
  await approver.locator(hooks.state('succeeded')).waitFor();
}));

test('? opens the list of shortcuts, Esc closes it, and single keys stay letters in a field', stage(async ({ open }) => {
  const page = await open({ as: people.admin });
  await go(page, '/inbox');
  await isLive(page);
  await keys(page, '?');
  await page.locator(hooks.keySheet).filter({ visible: true }).waitFor();
  await keys(page, 'Escape');
  await page.locator(hooks.keySheet).waitFor({ state: 'hidden' });
  await keys(page, '/', 'g', 'd');
  assert.equal(pathOf(page), '/inbox');
  assert.equal(await page.evaluate(() => document.activeElement.value), 'gd');
}));

test('shortcuts work with the Korean input method on', stage(async ({ open }) => {
  const page = await open({ as: people.admin });
  await go(page, '/inbox');
  await isLive(page);
  // what a 두벌식 keyboard sends for the keys G and D: the code tells the key, the key is a jamo
  await page.evaluate(() => {
    for (const [key, code] of [['ㅎ', 'KeyG'], ['ㅇ', 'KeyD']]) document.body.dispatchEvent(new KeyboardEvent('keydown', { key, code, bubbles: true, cancelable: true }));
  });
  await page.waitForURL(`${base}/`);
}));

async function askByKeys(page, index) {
  const org = await orgAt(page, index);
  await press(page, `${hooks.main} a[href$="${org}"]`);
  await page.waitForURL(`**${org}`);
  await press(page, fixLink(page, org));
  await page.locator(hooks.requestForm).waitFor();
  const wanted = await change(page);
  await choose(page, hooks.field('tier'), wanted.tier);
  await write(page, hooks.field('credit'), wanted.credit);
  await write(page, hooks.field('reason'), wanted.reason);
  await press(page, hooks.check);
  await assertDiff(page.locator(hooks.preview), wanted);
  await press(page, hooks.submit);
  return { id: await requestId(page), wanted };
}
