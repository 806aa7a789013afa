// The catalog as its people use it: a price is looked up and calculated, the next version is drafted with a mistake, mended, asked for,
// approved by somebody else, and withdrawn before its day comes.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { axe, everyWay, fits, go, hooks, narrow, people, phone, prefer, shot, stage } from './harness.mjs';
import { requestId } from './road.mjs';

const september = '?version=3&price=yes&use-tokens=87654321&use-processed=48123672&addon-seats=2&promotions=launch15';
const looks = ['ko', 'en'].flatMap((lang) => ['light', 'dark'].map((theme) => ({ lang, theme })));

/** Somebody else approves what waits, and it is done. */
async function approved(page, id) {
  await go(page, `/requests/${id}`);
  await page.click(hooks.approve);
  await page.locator(hooks.state('succeeded')).waitFor({ timeout: 20_000 });
}

test('an invoice is calculated as it is typed, and every number says how it came about', stage(async ({ open }) => {
  const page = await open({ as: people.cs });
  await go(page, '/catalog/plans/pro?version=3');
  assert.equal(await page.locator('#next-version').count(), 0, 'who may not change prices is not offered to');
  await page.fill('#calc-use-tokens', '87,654,321');
  await page.locator('#line-overage').filter({ hasText: '₩180,370' }).waitFor();
  await page.fill('#calc-use-tokens', 'many');
  await page.locator('#bill-errors').waitFor();
  await go(page, `/catalog/plans/pro${september}`);
  assert.match(await page.locator('#bill-total').innerText(), /₩2,871,406\s+₩287,140\s+₩3,158,546/);
  await page.click('#why-overage');
  assert.match(await page.locator('#line-overage').innerText(), /₩180,370\.3704/);
  await everyWay(looks, async (look) => {
    await prefer(page, look);
    await go(page, `/catalog/plans/pro${september}`);
    await axe(page, `the calculator, ${look.lang}, ${look.theme}`);
    await shot(page, `catalog.plan.${look.lang}.${look.theme}`);
  });
  await page.setViewportSize(narrow);
  for (const path of [`/catalog/plans/pro${september}`, '/catalog/plans', '/catalog/promotions']) {
    await go(page, path);
    await fits(page, path);
  }
}));

test('a tenant is looked up with the keyboard, with a script and without', stage(async ({ open }) => {
  for (const script of [true, false]) {
    const page = await open({ as: people.cs, script, viewport: phone });
    await go(page, '/catalog/promotions/LAUNCH15');
    await page.focus('#tenant-q');
    await page.keyboard.type('haneul');
    await page.keyboard.press('Enter');
    await page.waitForURL(/q=haneul#redeem$/);
    await fits(page, 'the tenants that were found');
    // the page stands at the form: the search, its button, and whoever was found
    for (let n = 0; n < 3; n += 1) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForURL(/tenant=tnt_\w+#redeem$/);
    assert.match(await page.inputValue('#redeem-tenant'), /^tnt_/);
    assert.match(await page.locator('#redeem-tenant-hint').innerText(), / · haneul-bio$/);
  }
  const page = await open({ as: people.cs });
  await everyWay(looks, async (look) => {
    await prefer(page, look);
    await go(page, '/catalog/promotions/LAUNCH15?q=haneul');
    await axe(page, `the tenants that were found, ${look.lang}, ${look.theme}`);
  });
}));

test('a version is drafted, asked for, approved by another and withdrawn before its day', stage(async ({ open }) => {
  const [billing, admin] = [await open({ as: people.approver }), await open({ as: people.admin })];
  await go(billing, '/catalog/plans/enterprise');
  await billing.click('#next-version');
  const prices = await billing.inputValue('#field-prices');
  billing.problems.allow(/status of 422/);
  await billing.fill('#field-prices', prices.replace('6_000_000', '-6_000_000'));
  await billing.click('#check');
  await billing.locator(hooks.errors).waitFor();
  assert.match(await billing.inputValue('#field-prices'), /-6_000_000/, 'what was typed is still there');
  await billing.fill('#field-prices', prices.replace('6_000_000', '6_600_000'));
  await billing.click('#save');
  await billing.locator('#saved').waitFor();
  await billing.fill('#field-starts', '2999-01-01');
  await billing.fill('#reason', '내년 원가 인상을 반영합니다. (PRC-190)');
  await billing.click('#propose');
  await billing.locator(hooks.preview).waitFor();
  assert.match(await billing.locator(hooks.preview).innerText(), /6_600_000/);
  await billing.click(hooks.submit);
  await approved(admin, await requestId(billing));
  await go(billing, '/catalog/plans/enterprise?version=2');
  assert.match(await billing.locator(hooks.main).innerText(), /₩6,600,000/);
  await billing.click('#withdraw-2');
  await billing.fill(hooks.field('reason'), '원가 협상이 끝나 인상하지 않습니다. (PRC-191)');
  await billing.click(hooks.check);
  await billing.locator(hooks.preview).waitFor();
  await billing.click(hooks.submit);
  await approved(admin, await requestId(billing));
  await go(billing, '/catalog/plans/enterprise');
  assert.equal(await billing.locator('#withdraw-2').count(), 0);
}));
