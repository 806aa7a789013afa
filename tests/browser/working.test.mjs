// Working through what waits: a run of requests by keyboard alone, two people in the same inbox, and the bar at the thumb.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { axe, everyWay, firstRequest, fits, go, hooks, isLive, narrow, pathOf, people, phone, stage } from './harness.mjs';
import { focused, keys } from './keys.mjs';

const why = 'The contract says otherwise.';

/** Opens the focused row, reads, decides, and comes back to the row that took its place. Answers what became of it. */
async function decideNext(page, decision) {
  await page.waitForFunction(() => document.activeElement?.matches('a[data-row]'));
  await keys(page, 'Enter');
  await page.locator('#side #request').waitFor();
  const id = await page.locator('#side #request').getAttribute('data-request');
  await keys(page, decision === 'approve' ? 'a' : 'r');
  await page.waitForFunction(() => document.activeElement?.id === 'decide-reason');
  if (decision === 'reject') await page.keyboard.type(why);
  const loaded = page.waitForEvent('load');
  await keys(page, 'ControlOrMeta+Enter');
  await loaded;
  return id;
}

test('fifteen requests by keyboard alone, each followed by the next row', stage(async ({ open }) => {
  const page = await open({ as: people.approver });
  await go(page, '/inbox');
  await isLive(page);
  const before = await page.locator(hooks.anyRequest).count();
  assert.equal(before, 50, 'enough waits in the demo');
  // a few from the top, so that the place in the list is not simply its beginning
  await keys(page, 'j', 'j', 'j');
  const done = [];
  for (let n = 0; n < 15; n += 1) {
    done.push(await decideNext(page, n % 3 === 2 ? 'reject' : 'approve'));
    assert.equal(pathOf(page), '/inbox');
    await page.locator('#flash').waitFor();
    await page.waitForFunction(() => document.activeElement?.matches('a[data-row]'));
    const place = await page.evaluate(() => [...document.querySelectorAll('tr[data-id]')].indexOf(document.activeElement.closest('tr')));
    assert.equal(place, 2, 'the row that took the place of the decided one has the focus');
  }
  assert.equal(new Set(done).size, 15);
  for (const id of done) assert.equal(await page.locator(hooks.row(id)).count(), 0, `${id} is decided and gone`);
}));

test('from request to request: decide, Enter, decide', stage(async ({ open }) => {
  const page = await open({ as: people.approver });
  await go(page, await firstRequest(page));
  for (let n = 0; n < 3; n += 1) {
    const here = pathOf(page);
    await keys(page, 'a');
    const loaded = page.waitForEvent('load');
    await keys(page, 'ControlOrMeta+Enter');
    await loaded;
    assert.ok(await focused(page, '#older'), 'the way to the next one has the focus');
    await keys(page, 'Enter');
    await page.waitForURL((url) => url.pathname !== here && url.pathname.startsWith('/requests/'));
  }
  const here = pathOf(page);
  await keys(page, 'n');
  await page.waitForURL((url) => url.pathname !== here);
  await keys(page, 'p');
  await page.waitForURL((url) => url.pathname === here);
}));

test('two people at one inbox: whoever is second sees that it was decided', stage(async ({ open }) => {
  const [one, two] = [await open({ as: people.approver }), await open({ as: people.admin })];
  await go(one, '/inbox?tab=mine');
  // what both may decide, one of them alone: not the administrator's own, nor much credit, which needs two
  const rows = await one.locator(hooks.anyRequest).evaluateAll((all) => all.map((row) => [row.id.slice(4), row.textContent]));
  const shared = rows.filter(([, text]) => !text.includes('홍서진') && !/\d,\d{3},\d{3}/.test(text)).slice(0, 6).map(([id]) => id);
  for (const [n, id] of shared.entries()) {
    await Promise.all([one, two].map((page) => go(page, `/requests/${id}`)));
    const decide = async (page, decision) => {
      await keys(page, decision === 'approve' ? 'a' : 'r');
      if (decision === 'reject') await page.keyboard.type(why);
      const loaded = page.waitForEvent('load');
      await keys(page, 'ControlOrMeta+Enter');
      await loaded;
    };
    two.problems.allow(/409|Failed to load resource/);
    one.problems.allow(/409|Failed to load resource/);
    // the same, or the opposite, in the same moment or one after the other
    if (n % 2) await Promise.all([decide(one, 'approve'), decide(two, n % 3 ? 'approve' : 'reject')]);
    else {
      await decide(one, 'approve');
      // follows live, or is told when it sends what it had begun
      await two.waitForFunction(() => !document.querySelector('#approve'));
    }
    for (const page of [one, two]) {
      assert.equal(await page.locator('.failure').count(), 0, `${id}: nobody meets an error page`);
      assert.equal(await page.locator('#request').getAttribute('data-request'), id);
      await page.locator(hooks.state('pending')).waitFor({ state: 'hidden' });
    }
  }
}));

test('the form of before and after: d goes round, and the page keeps the choice', stage(async ({ open }) => {
  const page = await open({ as: people.approver });
  const path = await firstRequest(page);
  await go(page, path);
  await isLive(page);
  for (const form of ['unified', 'json', 'side']) {
    await keys(page, 'd');
    await page.locator(`#diff-${form}[aria-pressed="true"]`).waitFor();
    await page.locator(form === 'side' ? hooks.diff : '.lines ins').first().waitFor();
    await axe(page, `${path} ${form}`);
    await page.reload();
    assert.equal(await page.locator(`#diff-${form}`).getAttribute('aria-pressed'), 'true');
  }
}));

test('the bar at the thumb decides in two taps and covers nothing', stage(async ({ open }) => {
  const ways = [{ viewport: phone, lang: 'ko' }, { viewport: phone, lang: 'en', theme: 'dark' }, { viewport: narrow, lang: 'en' }, { viewport: narrow, theme: 'dark' }];
  const path = await firstRequest(await open({ as: people.approver }));
  await everyWay(ways.map((way) => ({ ...way, name: `${way.viewport.width} ${way.lang ?? 'ko'} ${way.theme ?? 'light'}` })), async ({ name, ...way }) => {
    const page = await open({ as: people.approver, ...way });
    await go(page, path);
    await fits(page);
    await axe(page, `${path} ${name}`);
    const box = await page.locator('#decide-bar').boundingBox();
    assert.ok(box.y + box.height <= way.viewport.height + 1 && box.y > way.viewport.height * 0.7, `in sight, at the bottom: ${JSON.stringify(box)}`);
    const tap = await page.locator('#bar-approve').boundingBox();
    assert.ok(tap.height >= 44 && tap.width >= 120, JSON.stringify(tap));
    await page.click('#bar-reject');
    assert.ok(await focused(page, '#decide-reason'));
    const [reason, bar] = [await page.locator('#decide-reason').boundingBox(), await page.locator('#decide-bar').boundingBox()];
    assert.ok(reason.y + reason.height <= bar.y + 1, 'the reason is not under the bar');
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    const last = await page.evaluate(() => { const r = document.querySelector('#decide-bar').previousElementSibling.getBoundingClientRect(); return r.bottom <= document.querySelector('#decide-bar').getBoundingClientRect().top + 1; });
    assert.ok(last, 'the end of the page is above the bar');
  });
  const page = await open({ as: people.approver, viewport: phone });
  await go(page, path);
  await page.click('#bar-reject');
  await page.fill(hooks.decideReason, why);
  await page.click('#bar-reject');
  await page.locator(hooks.state('denied')).waitFor();
}));
