// Five minutes before a session ends the page says so; one click makes it longer, in every tab.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { axe, base, go, hooks, people, stage } from './harness.mjs';
import { focused, keys, press } from './keys.mjs';

const warning = '#session-warning', extend = '#session-extend', login = '#session-login';
const said = (page, text) => page.locator('#sr-alert', { hasText: text }).waitFor({ state: 'attached' });

/** Pages say that the session ends in so many minutes, and whether it can be made longer. */
async function endsIn(page, minutes, longer = true) {
  await page.route((url) => url.origin === base && /^\/(inbox|orgs)$/.test(url.pathname), async (route) => {
    const response = await route.fetch(), html = await response.text();
    const end = new Date(Date.now() + minutes * 60_000 - 5_000).toISOString();
    const body = html.replace(/data-session-end="[^"]+" data-session-extends="[^"]+"/, `data-session-end="${end}" data-session-extends="${longer}"`);
    assert.notEqual(body, html, `${route.request().url()} does not say when the session ends`);
    await route.fulfill({ response, body });
  });
}

test('a session with time left says nothing', stage(async ({ open }) => {
  const page = await open({ as: people.approver });
  await go(page, '/inbox');
  assert.equal(await page.locator(warning).isVisible(), false);
}));

test('one that ends soon is made longer, with the keyboard', stage(async ({ open }) => {
  const page = await open({ as: people.approver });
  await endsIn(page, 4);
  await go(page, '/inbox');
  await page.locator(warning).filter({ visible: true }).waitFor();
  assert.match(await page.locator(warning).innerText(), /4분 뒤 로그아웃됩니다/);
  await said(page, '4분 뒤 로그아웃됩니다');
  assert.equal(await focused(page, 'body'), true, 'a warning takes no focus away');
  assert.equal(await page.locator(login).isVisible(), false);
  await axe(page);
  await press(page, extend);
  await page.locator(warning).waitFor({ state: 'hidden' });
}));

test('making it longer in one tab does for the others', stage(async ({ open }) => {
  const page = await open({ as: people.approver });
  await endsIn(page, 3);
  const other = await page.context().newPage();
  await endsIn(other, 3);
  for (const tab of [page, other]) {
    await go(tab, '/inbox');
    await tab.locator(warning).filter({ visible: true }).waitFor();
  }
  await page.click(extend);
  for (const tab of [page, other]) await tab.locator(warning).waitFor({ state: 'hidden' });
}));

test('one that is as old as it may become cannot be made longer, and says so', stage(async ({ open }) => {
  const page = await open({ as: people.approver });
  await endsIn(page, 4, false);
  await go(page, '/orgs');
  await page.locator(warning).filter({ visible: true }).waitFor();
  assert.match(await page.locator(warning).innerText(), /최대 시간/);
  assert.equal(await page.locator(extend).isVisible(), false);
}));

test('when it is over, signing in leads back to the page, with what was being written', stage(async ({ open }) => {
  const page = await open({ as: people.cs, fresh: true });
  await page.clock.install();
  const path = '/requests/new/org.tier.fix?org_id=org_hanbit0001';
  await go(page, path);
  await page.fill(hooks.field('reason'), '작성하던 내용입니다');
  await page.clock.fastForward('27:00');
  await page.locator(warning).filter({ visible: true }).waitFor();
  await page.locator(extend).filter({ visible: true }).waitFor();
  await page.clock.fastForward('05:00');
  await said(page, '로그아웃되었습니다');
  await page.locator(login).filter({ visible: true }).waitFor();
  assert.equal(await page.locator(extend).isVisible(), false);
  await axe(page);

  await page.context().clearCookies({ name: /countersign/ });
  await press(page, login);
  await page.waitForURL('**/login?next=**');
  await page.clock.resume();
  await page.fill(hooks.emailField, people.cs);
  await page.fill(hooks.passwordField, 'countersign-demo');
  await keys(page, 'Enter');
  await page.waitForURL((url) => url.pathname + url.search === path);
  assert.equal(await page.inputValue(hooks.field('reason')), '작성하던 내용입니다');
}));

test('a session that ended meanwhile cannot be made longer: the page says so', stage(async ({ open }) => {
  const page = await open({ as: people.cs, fresh: true });
  page.problems.allow(/status of 40[13]/);
  await endsIn(page, 4);
  await go(page, '/orgs');
  await page.locator(extend).filter({ visible: true }).waitFor();
  await page.context().clearCookies({ name: /countersign/ });
  await page.click(extend);
  await page.locator(login).filter({ visible: true }).waitFor();
  assert.equal(await page.locator(extend).isVisible(), false);
}));
