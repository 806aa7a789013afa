// A page follows what happens, but nothing moves under the pointer or the focus; and when the line is cut the page says of when it is.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer, connect } from 'node:net';
import { base, go, hooks, isLive, people, stage, staysLoaded } from './harness.mjs';
import { focused, keys } from './keys.mjs';
import { ask } from './road.mjs';

const rows = '#rows tbody tr[data-id]';
const fresh = (page) => page.locator(hooks.fresh).filter({ visible: true });
/** Which rows there are, and where on the screen. */
const places = (page) => page.locator(rows).evaluateAll((all) => all.map((row) => `${row.dataset.id} at ${Math.round(row.getBoundingClientRect().top)}`).join(', '));

test('nothing moves under the pointer; what is new comes when it is asked for', stage(async ({ open }) => {
  const [admin, page] = [await open({ as: people.admin }), await open({ as: people.approver })];
  await go(page, '/inbox');
  await isLive(page);
  const stays = await staysLoaded(page);
  await page.locator(rows).nth(1).hover();
  const before = await places(page);
  const { id } = await ask(admin, 30);
  await fresh(page).waitFor();
  await page.waitForTimeout(500);
  assert.equal(await places(page), before, 'rows moved');
  await page.locator('#sr-polite', { hasText: '바뀐 내용 표시' }).waitFor({ state: 'attached' });
  await keys(page, '.');
  await page.locator(hooks.row(id)).waitFor();
  await fresh(page).waitFor({ state: 'hidden' });
  await stays();
}));

test('nothing moves under the focus, and the focus stays when it does', stage(async ({ open }) => {
  const [admin, page] = [await open({ as: people.admin }), await open({ as: people.approver })];
  await go(page, '/inbox');
  await isLive(page);
  await keys(page, 'j', 'j');
  const here = `#${await page.evaluate(() => document.activeElement.id)}`, before = await places(page);
  const { id } = await ask(admin, 31);
  await fresh(page).waitFor();
  await page.waitForTimeout(500);
  assert.equal(await places(page), before, 'rows moved');
  await keys(page, '.');
  await page.locator(hooks.row(id)).waitFor();
  assert.ok(await focused(page, here), 'the row that had the focus has it');
}));

test('once the pointer has left, what is new comes by itself', stage(async ({ open }) => {
  const [admin, page] = [await open({ as: people.admin }), await open({ as: people.approver })];
  await go(page, '/inbox');
  await isLive(page);
  await page.locator(rows).nth(1).hover();
  const { id } = await ask(admin, 32);
  await fresh(page).waitFor();
  await page.locator('h1').hover();
  await page.locator(hooks.row(id)).waitFor();
}));

test('a line that is cut is told with the time, and what happened meanwhile is there when it is back', stage(async ({ open }) => {
  const line = await startLine();
  try {
    const [admin, page] = [await open({ as: people.admin }), await open({ as: people.approver })];
    page.problems.allow(/ERR_|Failed to load resource/);
    await go(page, `${line.url}/inbox`);
    await isLive(page);
    const stays = await staysLoaded(page);
    const cut = Date.now();
    line.cut();
    await page.locator(`${hooks.live}[data-state="off"]`).waitFor();
    const since = page.locator(`${hooks.live} time`).filter({ visible: true });
    assert.match(await page.locator(hooks.live).innerText(), /연결이 끊겼습니다/);
    assert.match(await since.innerText(), /\d{1,2}:\d{2}/);
    assert.ok(Math.abs(Date.parse(await since.getAttribute('datetime')) - cut) < 10_000, `it is of ${await since.getAttribute('datetime')}`);
    const { id } = await ask(admin, 33);
    assert.equal(await page.locator(hooks.row(id)).count(), 0);
    line.mend();
    await isLive(page);
    await page.locator(hooks.row(id)).waitFor();
    await stays();
  } finally {
    line.stop();
  }
}));

test('a request that was decided while the line was cut shows its end', stage(async ({ open }) => {
  const line = await startLine();
  try {
    const [page, approver] = [await open({ as: people.admin }), await open({ as: people.approver })];
    page.problems.allow(/ERR_|Failed to load resource/);
    const { id } = await ask(page, 34);
    await go(page, `${line.url}/requests/${id}`);
    await isLive(page);
    line.cut();
    await page.locator(`${hooks.live}[data-state="off"]`).waitFor();
    await go(approver, `/requests/${id}`);
    await approver.click(hooks.approve);
    await approver.locator(hooks.state('succeeded')).waitFor();
    line.mend();
    await page.locator(hooks.state('succeeded')).waitFor();
  } finally {
    line.stop();
  }
}));

test('a filter that cannot be fetched says so and keeps the rows', stage(async ({ open }) => {
  const page = await open({ as: people.approver });
  page.problems.allow(/ERR_|Failed to load resource|Failed to fetch|htmx/i);
  await go(page, '/inbox?tab=decided');
  const before = await page.locator(rows).count();
  await page.route('**/inbox?**risk=high**', (route) => route.abort());
  await page.selectOption('#filter-risk', 'high');
  await page.locator('#list-error').filter({ visible: true }).waitFor();
  assert.equal(await page.locator(rows).count(), before);
  await page.unroute('**/inbox?**risk=high**');
  await page.click('#list-error button');
  await page.locator('#list-error').waitFor({ state: 'hidden' });
}));

test('a filter that is changed before everything of the page runs is not lost', stage(async ({ open }) => {
  const page = await open({ as: people.approver });
  // the page's own script has run then, and what fetches has not begun: on a slow machine there is time to choose between the two
  await page.addInitScript(() => document.addEventListener('DOMContentLoaded', () => {
    const risk = document.querySelector('#filter-risk');
    if (new URLSearchParams(location.search).has('risk')) return;
    risk.value = 'high';
    for (const type of ['input', 'change']) risk.dispatchEvent(new Event(type, { bubbles: true }));
  }));
  await page.goto(`${base}/inbox?tab=decided`);
  await isLive(page);
  await page.waitForTimeout(1_000);
  const [shown, chosen] = [new URL(page.url()).searchParams.get('risk') ?? '', await page.inputValue('#filter-risk')];
  assert.equal(shown, chosen, 'what the filter says is not what the list shows');
}));

/** The server through a line that can be cut, as a network is: nothing gets through, and what was open breaks. */
async function startLine() {
  const { hostname, port } = new URL(base), open = new Set();
  let whole = true;
  const server = createServer((near) => {
    if (!whole) return near.destroy();
    const far = connect(Number(port), hostname);
    for (const [one, other] of [[near, far], [far, near]]) {
      open.add(one);
      one.on('error', () => {}).on('close', () => { open.delete(one); other.destroy(); }).pipe(other);
    }
  });
  await new Promise((done) => { server.listen(0, hostname, done); });
  const drop = () => open.forEach((socket) => socket.destroy());
  return {
    url: `http://${hostname}:${server.address().port}`,
    cut() { whole = false; drop(); },
    mend() { whole = true; },
    stop() { server.close(); drop(); },
  };
}
