// The glass is broken in an emergency: kept apart from the usual way, marked for good, and looked at by somebody else.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { axe, everyWay, fits, go, hooks, narrow, people, prefer, shot, stage } from './harness.mjs';
import { assertLedgerEntry, change, fixLink, orgAt, requestId } from './road.mjs';

const emergency = '고객사의 실시간 서비스가 한도 초과로 멈춰 있어 승인을 기다릴 수 없습니다.';
const note = '서비스 중단 시각과 실행 시각이 일치하는 것을 확인했습니다.';
const looks = ['ko', 'en'].flatMap((lang) => ['light', 'dark'].map((theme) => ({ lang, theme })));

async function filled(page, index) {
  const org = await orgAt(page, index);
  await go(page, org);
  await page.click(fixLink(page, org));
  const { tier, credit, reason } = await change(page);
  await page.selectOption(hooks.field('tier'), tier);
  await page.fill(hooks.field('credit'), credit);
  await page.fill(hooks.field('reason'), reason);
  await page.click(hooks.check);
  await page.locator(hooks.preview).waitFor();
}

test('an emergency runs at once, says so for good, and is reviewed by another', stage(async ({ open }) => {
  const [breaking, reviewing, support] = [await open({ as: people.admin }), await open({ as: people.approver }), await open({ as: people.cs })];
  await filled(support, 9);
  assert.equal(await support.locator('#emergency-way').count(), 0, 'nobody without the permission is offered it');

  await filled(breaking, 10);
  assert.equal(await breaking.locator('#break-glass').isVisible(), false, 'it is kept apart, and closed');
  const { pathname, search } = new URL(breaking.url());
  await everyWay(looks, async (look) => {
    await prefer(breaking, look);
    await go(breaking, pathname + search);
    await breaking.locator('#emergency-open').press('Enter');
    await axe(breaking, `the second way, ${look.lang}, ${look.theme}`);
    await shot(breaking, `glass.way.${look.lang}.${look.theme}`);
  });
  await prefer(breaking, looks[0]);
  await go(breaking, pathname + search);
  // as without a script: what is missing is told by the server, and what was typed is still there
  await breaking.locator('#emergency-form').evaluate((form) => { form.noValidate = true; });
  breaking.problems.allow(/status of 422/);
  await breaking.locator('#emergency-open').press('Enter');
  await breaking.fill('#emergency', emergency);
  await breaking.click('#break-glass');
  await breaking.locator('#understood-error').waitFor();
  assert.equal(await breaking.inputValue('#emergency'), emergency);
  await axe(breaking, 'the second way with what is wrong in it');
  await shot(breaking, 'glass.way.wrong');
  await breaking.locator('#understood').press('Space');
  await breaking.locator('#break-glass').press('Enter');
  const id = await requestId(breaking);
  await breaking.locator(hooks.state('succeeded')).waitFor();
  await breaking.locator('#request .request-head .glass').waitFor();
  assert.equal(await breaking.locator('#review-form').count(), 0, 'whoever broke it does not review it');

  await go(reviewing, '/inbox?tab=review');
  await reviewing.locator(`${hooks.row(id)} .glass`).waitFor();
  await shot(reviewing, 'glass.lane');
  await everyWay(looks, async (look) => {
    await prefer(reviewing, look);
    await go(reviewing, `/requests/${id}`);
    await axe(reviewing, `the review, ${look.lang}, ${look.theme}`);
    await shot(reviewing, `glass.review.${look.lang}.${look.theme}`);
  });
  await reviewing.setViewportSize(narrow);
  await fits(reviewing, 'the review on a narrow screen');
  await shot(reviewing, 'glass.review.narrow');
  await reviewing.locator('[name="verdict"][value="justified"]').check();
  await reviewing.fill('#review-note', note);
  await reviewing.locator('#review-send').press('Enter');
  await reviewing.locator('#review').waitFor();
  await reviewing.locator('#review').getByText(note).waitFor();
  await axe(reviewing, 'a request that was reviewed');
  await breaking.locator('#review').waitFor();
  await assertLedgerEntry(breaking, id);
}));

test('the demo tells of glass that was broken before', stage(async ({ open }) => {
  const page = await open({ as: people.approver });
  await go(page, '/inbox?tab=decided&state=glass-reviewed');
  assert.ok((await page.locator('#rows .glass').count()) >= 2, 'one that had to be, and one that did not');
  await go(page, '/inbox?tab=decided&state=glass-due');
  assert.ok((await page.locator('#rows .glass').count()) >= 1, 'one waits for its review');
  await axe(page, 'a list with the mark');
  await shot(page, 'glass.list');
}));
