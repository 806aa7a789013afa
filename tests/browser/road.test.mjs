// The whole road, as the people who take it: asked for, countersigned, done, written down, and everybody sees it happen.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { axe, go, hooks, isLive, people, shot, stage, staysLoaded } from './harness.mjs';
import { ask, assertDiff, assertLedgerEntry } from './road.mjs';

test('a request is asked for, approved and done while both watch', stage(async ({ open }) => {
  const approver = await open({ as: people.approver });
  await go(approver, '/inbox');
  await isLive(approver);
  const inboxStays = await staysLoaded(approver);

  const requester = await open({ as: people.admin });
  const { id, wanted } = await ask(requester, 0);
  await isLive(requester);
  const requestStays = await staysLoaded(requester);
  await axe(requester, 'the request, pending');

  await appears(approver, id);
  await inboxStays();
  await axe(approver, 'the inbox after a request came in');
  await shot(approver, 'road.1-inbox');

  await approver.locator(hooks.open(id)).filter({ visible: true }).click();
  await assertDiff(approver.locator(hooks.request), wanted);
  await approver.locator(hooks.state('pending')).waitFor();
  await approver.fill(hooks.decideReason, '계약서 확인함');
  await shot(approver, 'road.2-decide');
  await approver.click(hooks.approve);
  await approver.locator(hooks.state('succeeded')).waitFor();

  await requester.locator(hooks.state('succeeded')).waitFor();
  await requestStays();
  await axe(requester, 'the request, done');
  await shot(requester, 'road.3-done');
  await assertLedgerEntry(requester, id);
  await shot(requester, 'road.4-ledger');
}));

test('a rejection is seen by the one who asked, with its reason', stage(async ({ open }) => {
  const requester = await open({ as: people.admin });
  const { id } = await ask(requester, 1);
  await isLive(requester);
  const stays = await staysLoaded(requester);

  const approver = await open({ as: people.approver });
  await go(approver, `/requests/${id}`);
  await approver.fill(hooks.decideReason, '계약 범위를 넘습니다');
  await approver.click(hooks.reject);
  await approver.locator(hooks.state('denied')).waitFor();

  await requester.locator(hooks.state('denied')).waitFor();
  await stays();
  assert.match(await requester.locator(hooks.request).innerText(), /계약 범위를 넘습니다/);
}));

test('nobody approves what they asked for themselves', stage(async ({ open }) => {
  const requester = await open({ as: people.admin });
  await ask(requester, 2);
  assert.equal(await requester.locator(hooks.approve).count(), 0);
}));

/** A page in use offers what is new instead of moving rows under the pointer; then the offer is taken. */
async function appears(page, id) {
  const row = page.locator(hooks.row(id)), fresh = page.locator(hooks.fresh);
  await row.or(fresh.filter({ visible: true })).first().waitFor();
  if (await fresh.isVisible()) await fresh.click();
  await row.waitFor();
}
