// What every test of the road needs: which organisation, which change, and what must be seen of it.
import assert from 'node:assert/strict';
import { go, hooks, links, pathOf } from './harness.mjs';

const requestPath = /^\/requests\/(CR-\d+)$/;

/** Each test takes an organisation of its own (`index`), so that no request makes another one stale. */
export async function orgAt(page, index) {
  await go(page, '/orgs');
  const paths = await links(page, /^\/orgs\/[^/]+$/);
  assert.ok(paths.length > index, `/orgs shows ${paths.length} organisations`);
  return paths[index];
}

export function fixLink(page, orgPath) {
  return `a[href*="/requests/new/org.tier.fix?org_id=${orgPath.split('/').pop()}"]`;
}

/** The last tier offered, which may be the one it has, and a balance nobody has by chance: at least one line differs. */
export async function change(page) {
  const tiers = await page.locator(`${hooks.field('tier')} option`).evaluateAll((options) => options.map(({ value, selected }) => ({ value, selected })));
  const tier = tiers.findLast(({ value, selected }) => value && !selected)?.value ?? assert.fail('no tier to choose');
  const credit = String(700_000 + Math.floor(Math.random() * 99_999));
  return { tier, credit, reason: `등급이 반영되지 않음 (${credit})` };
}

/** Before and after are both there, and the new balance among them, however the language groups its digits. */
export async function assertDiff(scope, { credit }) {
  await scope.locator(hooks.diff).first().waitFor();
  const rows = await scope.locator(hooks.diff).allInnerTexts();
  assert.ok(rows.some((row) => row.replace(/[,.\s]/g, '').includes(credit)), `no row says ${credit}: ${JSON.stringify(rows)}`);
}

export async function requestId(page) {
  await page.waitForURL((url) => requestPath.test(url.pathname));
  return requestPath.exec(pathOf(page))[1];
}

/** The ledger entry behind the timeline's link tells of this request. */
export async function assertLedgerEntry(page, id) {
  const href = await page.locator(hooks.proof).last().getAttribute('href');
  assert.match(href, /^\/ledger\/[^/]+$/);
  await go(page, href);
  await page.locator(`${hooks.main} a[href$="/requests/${id}"]`).first().waitFor();
}

/** Asks for a change of an organisation, which others then decide. */
export async function ask(page, index) {
  const org = await orgAt(page, index);
  await page.click(`${hooks.main} a[href$="${org}"]`);
  await page.click(fixLink(page, org));
  assert.equal(await page.inputValue(hooks.field('org_id')), org.split('/').pop());
  const wanted = await change(page);
  await page.selectOption(hooks.field('tier'), wanted.tier);
  await page.fill(hooks.field('credit'), wanted.credit);
  await page.fill(hooks.field('reason'), wanted.reason);
  await page.click(hooks.check);
  await assertDiff(page.locator(hooks.preview), wanted);
  await page.click(hooks.submit);
  return { id: await requestId(page), wanted };
}
