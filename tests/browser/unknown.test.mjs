// The product breaks while a request runs: nobody guesses, two people settle it, and the ledger can prove it later.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { axe, everyWay, fits, go, hooks, narrow, people, prefer, product, shot, stage } from './harness.mjs';
import { assertLedgerEntry, requestId } from './road.mjs';

const evidence = '제품 관리 화면의 변경 이력에서 해당 키를 찾을 수 없었습니다.';

async function mode(name) {
  const { ok } = await fetch(`${product}/mode/${name}`, { method: 'POST', redirect: 'follow' });
  assert.ok(ok, `the product takes ${name}`);
}

test('an outcome that nobody knows is settled by two others', stage(async ({ open }) => {
  const [asking, first, second] = [await open({ as: people.cs }), await open({ as: people.approver }), await open({ as: people.admin })];
  await go(asking, '/users?plan=free');
  await asking.locator('a[href^="/users/usr_"]').first().click();
  await asking.click('a[href*="/requests/new/user.plan.grant"]');
  await asking.selectOption(hooks.field('plan'), 'pro');
  await asking.fill(hooks.field('reason'), '결제는 완료되었으나 플랜이 반영되지 않았습니다.');
  await asking.click(hooks.check);
  await asking.click(hooks.submit);
  const id = await requestId(asking);

  await mode('fail-before');
  try {
    await go(first, `/requests/${id}`);
    await first.click(hooks.approve);
    // the page follows by itself, from "running" to "unknown"
    await first.locator('#question').waitFor({ timeout: 90_000 });
  } finally {
    await mode('ok');
  }
  await everyWay(['ko', 'en'].flatMap((lang) => ['light', 'dark'].map((theme) => ({ lang, theme }))), async ({ lang, theme }) => {
    await prefer(first, { lang, theme });
    await go(first, `/requests/${id}`);
    await axe(first, `the open question, ${lang}, ${theme}`);
    await shot(first, `unknown.${lang}.${theme}`);
  });
  await first.setViewportSize(narrow);
  await fits(first, 'the open question on a narrow screen');
  await shot(first, 'unknown.narrow');

  await go(asking, `/requests/${id}`);
  assert.equal(await asking.locator('#finding-form').count(), 0, 'the requester does not settle it');
  for (const [page, settled] of [[first, false], [second, true]]) {
    await go(page, `/requests/${id}`);
    await page.locator('[name="verdict"][value="failed"]').check();
    await page.fill('#finding-evidence', evidence);
    await page.locator('#finding-evidence').press('Tab');
    await page.locator('#finding-send').press('Enter');
    await page.locator(hooks.state(settled ? 'failed' : 'unknown')).waitFor();
    await page.getByText(evidence).first().waitFor();
  }
  await asking.locator(hooks.state('failed')).waitFor();
  await assertLedgerEntry(second, id);
}));
