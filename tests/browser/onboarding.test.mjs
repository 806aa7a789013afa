// From a signed contract to an active tenant, as its people do it: a mistake in the form, a payment that fails, an approval that is
// sent back, and in the end a tenant that is active and a ledger that tells it in order.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { axe, everyWay, fits, go, hooks, narrow, pathOf, people, prefer, shot, stage, till } from './harness.mjs';

const looks = ['ko', 'en'].flatMap((lang) => ['light', 'dark'].map((theme) => ({ lang, theme })));
const contract = 'HB-2026-7001';

/** What a step rests on is handed in, and somebody looks at it. */
async function evidence(page, step, fields) {
  const form = page.locator(`#${step}-evidence`);
  if (await form.getAttribute('open') === null) await page.click(`#${step}-evidence-open`);
  for (const [name, value] of Object.entries(fields)) {
    const field = page.locator(`#${step}-evidence-form [name="${name}"]`);
    if (await field.evaluate((f) => f.tagName) === 'SELECT') await field.selectOption(value);
    else await field.fill(value);
  }
  await page.click(`#${step}-submit`);
  await page.locator(`#${step}-decision-form`).waitFor({ state: 'attached' });
}

/** Somebody says of a step's evidence that it is right, or what is wrong with it. */
async function decide(page, step, how, reason = '') {
  if (await page.locator(`#${step}-decide`).getAttribute('open') === null) await page.click(`#${step}-decide-open`);
  await page.fill(`#${step}-reason`, reason);
  await page.click(`#${step}-${how}`);
  await page.locator(`#${step}[data-state="${how === 'pass' ? 'done' : 'blocked'}"]`).waitFor();
}

/** The customer pays, or fails to: the provider knows, and tells of it. */
async function pay(order, state, amount) {
  const body = new URLSearchParams({ provider: 'portone', order, state, amount, payer: '새길소프트' });
  const sent = await fetch(`${till}/make`, { method: 'POST', body, redirect: 'manual' });
  assert.ok(sent.status < 400, `the till said ${sent.status}`);
}

/** What the provider answers comes a moment later; the page tells it as it is. */
async function shown(page, selector) {
  for (let n = 0; n < 40 && await page.locator(selector).count() === 0; n += 1) {
    await page.waitForTimeout(500);
    await go(page, pathOf(page));
  }
  await page.locator(selector).waitFor();
}

/** Approval is asked for with everything in sight; whoever decides finds it in the inbox. */
async function asked(page) {
  await page.fill('#decide-reason', '네 단계를 모두 확인했습니다. 계약 원본과 입금을 대조했습니다.');
  await page.click('#ask-approve');
  await page.locator('#request').waitFor();
  return (await page.locator('#request').innerText()).trim();
}

test('a tenant goes from its contract to its plan, with a failed payment and a rejection on the way', stage(async ({ open }) => {
  const [cs, admin] = [await open({ as: people.cs }), await open({ as: people.admin })];
  await go(cs, '/onboarding');
  await cs.click('#onboarding-new');
  const typed = {
    biz_reg_no: '123-45-67890', company: '새길소프트', slug: 'saegil', ai_services: 'kms, advisor', contract_number: contract,
    expected_amount: '1,650,000', contact_name: '김하늘', contact_email: 'sky@customer.example',
  };
  cs.problems.allow(/status of 4(22|12|09)/);
  for (const [name, value] of Object.entries(typed)) await cs.fill(`#new-${name}`, value);
  await cs.selectOption('#new-plan', 'pro');
  await cs.click('#send');
  await cs.locator(hooks.errors).waitFor();
  assert.match(await cs.locator('#new-biz_reg_no-error').innerText(), /사업자등록번호/);
  for (const [name, value] of Object.entries(typed)) assert.equal(await cs.inputValue(`#new-${name}`), value, 'what was typed is still there');
  await cs.fill('#new-biz_reg_no', '123-81-70017');
  await cs.click('#send');
  await cs.locator('#contract').waitFor();
  const first = pathOf(cs);

  await cs.setInputFiles('#contract-file', { name: '계약서.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.7 signed') });
  await evidence(cs, 'contract', { contract_number: contract });
  await decide(cs, 'contract', 'pass');
  await axe(cs, 'a step that is done');

  // the customer's card is refused: the provider says so, nobody can pass it, and the rest is left alone
  await pay(contract, 'failed', 1_650_000);
  await evidence(cs, 'payment', { order_id: contract, amount: '1,650,000' });
  await shown(cs, '#payment .checks [data-ok="false"]');
  await axe(cs, 'a payment that failed');
  await decide(cs, 'payment', 'fail', '입금자명 불일치');
  assert.equal(await cs.locator('#contract').getAttribute('data-state'), 'done');
  await pay(contract, 'paid', 1_650_000);
  await evidence(cs, 'payment', { order_id: contract, amount: '1,650,000', reference: '재결제' });
  await shown(cs, '#payment .checks:not(:has([data-ok="false"], [data-ok="open"]))');
  await decide(cs, 'payment', 'pass');

  const template = await cs.locator('#permission-evidence-form [name="template"] option').nth(1).getAttribute('value');
  await evidence(cs, 'permission', { template });
  await cs.locator('#permission table').waitFor();
  await decide(cs, 'permission', 'pass');
  await evidence(cs, 'migration', { datasets: '문서, 10, 10, 9f3a, 9f3a\n사용자, 2, 2, 77aa, 77aa' });
  await decide(cs, 'migration', 'pass');

  const sentBack = await asked(cs);
  await go(admin, `/requests/${sentBack}`);
  await admin.locator(hooks.decideReason).fill('입금 확인서를 첨부한 뒤 다시 요청해 주세요.');
  await admin.click(hooks.reject);
  await admin.locator(hooks.state('denied')).waitFor();
  await go(cs, first);
  assert.match(await cs.locator('#next').innerText(), /입금 확인서를 첨부한 뒤/);
  await cs.click('#again');
  await cs.click('#send');
  await cs.locator('#contract').waitFor();
  assert.notEqual(pathOf(cs), first, 'it is another revision');
  assert.deepEqual(await cs.locator('.step').evaluateAll((all) => all.map((step) => step.dataset.state)), ['done', 'done', 'done', 'done'], 'and what did not change is carried over');

  const request = await asked(cs);
  await go(admin, '/inbox');
  await admin.locator(hooks.row(request)).waitFor();
  await go(admin, `/requests/${request}`);
  await axe(admin, 'an onboarding that waits for approval');
  await admin.click(hooks.approve);
  await admin.locator(hooks.state('succeeded')).waitFor({ timeout: 20_000 });
  await go(cs, pathOf(cs));
  const tenant = await cs.locator('#tenant').getAttribute('href');
  await go(cs, tenant);
  await cs.locator('#main [data-state="succeeded"]').first().waitFor();
  await go(cs, `${tenant}/subscription`);
  assert.match(await cs.locator(hooks.main).innerText(), /v3[^]*₩1,500,000/, 'the plan is active');

  // the ledger tells it in order; a page of it begins with the newest
  await go(admin, `/ledger?target=${tenant.split('/').pop()}`);
  const rows = (await admin.locator('#rows tbody tr').allInnerTexts()).reverse();
  const story = rows.map((row) => /^\s*([a-z]+\.[a-z.]+)\s*$/m.exec(row)?.[1]);
  const step = ['onboarding.evidence.submitted', 'onboarding.evidence.passed'];
  assert.deepEqual(story, [
    'tenant.added', 'onboarding.drafted', 'onboarding.opened', ...step, 'onboarding.evidence.submitted', 'onboarding.evidence.rejected', ...step, ...step, ...step,
    'request.submitted', 'request.voted', 'onboarding.returned', 'request.denied', 'onboarding.drafted', 'onboarding.opened',
    'request.submitted', 'request.voted', 'request.approved', 'request.started', 'tenant.activated', 'subscription.begun', 'tenant.services.set', 'permissions.applied', 'onboarding.approved', 'request.succeeded',
  ]);
}));

test('what onboarding shows is to be read by everybody, however they look at it', stage(async ({ open }) => {
  const page = await open({ as: people.cs });
  await go(page, '/onboarding');
  const one = await page.locator('.board .card-link').first().getAttribute('href');
  for (const [name, path] of [['board', '/onboarding'], ['list', '/onboarding?view=list&late=yes'], ['one', one], ['new', '/onboarding/new'], ['import', '/onboarding/import']]) {
    await everyWay(looks, async (look) => {
      await prefer(page, look);
      await go(page, path);
      await axe(page, `${name}, ${look.lang}, ${look.theme}`);
      await shot(page, `onboarding.${name}.${look.lang}.${look.theme}`);
    });
    await page.setViewportSize(narrow);
    await fits(page, path);
    await page.setViewportSize({ width: 1440, height: 900 });
  }
  await prefer(page, { lang: 'ko', theme: 'light' });
  const auditor = await open({ as: people.auditor });
  await go(auditor, one);
  assert.equal(await auditor.locator('#decide, .step form').count(), 0, 'who may only look is offered nothing to do');
}));
