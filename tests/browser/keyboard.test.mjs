// The same road without a pointer. Tab and Enter must do for everything; the shortcuts only make it shorter.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { base, go, hooks, isLive, pathOf, people, stage } from './harness.mjs';
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
  for (let step = 0; step < 60 && !(await focused(approver, hooks.open(id))); step += 1) await keys(approver, 'j');
  assert.ok(await focused(approver, hooks.open(id)), `j never came to ${id}`);
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

async function keys(page, ...all) {
  for (const key of all) await page.keyboard.press(key);
}

function focused(page, selector) {
  return page.evaluate((wanted) => Boolean(document.activeElement?.matches(wanted)), selector);
}

/** Tab until the focus is on it. Every stop on the way must be visible and show that it has the focus (WCAG 2.4.7). */
async function tabTo(page, selector) {
  await page.locator(selector).filter({ visible: true }).first().waitFor();
  const trail = [];
  for (let step = 0; step < 250; step += 1) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate((wanted) => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      // the ring may be drawn by the row or the field around it
      const rings = [[element], [element, '::before'], [element, '::after'], [element.parentElement]].map((part) => getComputedStyle(...part))
        .filter(({ outlineStyle, outlineWidth, boxShadow }) => (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none');
      return {
        name: `${element.localName}${element.id ? `#${element.id}` : ''}${element.name ? `[name=${element.name}]` : ''}`,
        here: element.matches(wanted),
        visible: element.checkVisibility(),
        ring: rings.length > 0,
      };
    }, selector);
    if (!stop) continue;
    trail.push(stop.name);
    assert.ok(stop.visible, `${stop.name} on ${page.url()} takes the focus but cannot be seen`);
    assert.ok(stop.ring, `${stop.name} on ${page.url()} does not show that it has the focus`);
    if (stop.here) return;
  }
  assert.fail(`Tab never came to ${selector} on ${page.url()}: ${trail.slice(-40).join(' → ')}`);
}

async function press(page, selector) {
  await tabTo(page, selector);
  await page.keyboard.press('Enter');
}

async function write(page, selector, text) {
  await tabTo(page, selector);
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.type(text);
}

async function choose(page, selector, value) {
  await tabTo(page, selector);
  await page.keyboard.press('Home');
  for (let step = 0; step < 30 && (await page.inputValue(selector)) !== value; step += 1) await page.keyboard.press('ArrowDown');
  assert.equal(await page.inputValue(selector), value);
}
