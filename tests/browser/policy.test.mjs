// Nothing inline: what the server sends has no style, no handler and no script in its HTML, whatever a script may do later in the
// page; every form is a form without a script; and no answer goes without the Content-Security-Policy, whatever kind it is.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { all } from './all-pages.mjs';
import { base, everyWay, firstRequest, go, hooks, people, prefer, stage } from './harness.mjs';

/** What must not be in the HTML as it was sent; a document that is only parsed runs nothing. */
const inline = (page, html) => page.evaluate((text) => {
  const found = [], told = (element, what) => found.push(`${what}: ${element.outerHTML.replace(/\s+/g, ' ').slice(0, 140)}`);
  const look = (root) => {
    for (const element of root.querySelectorAll('*')) {
      for (const { name, value } of element.attributes) {
        if (name === 'style' || /^on/i.test(name) || /^(data-)?hx-on/i.test(name)) told(element, name);
        if (/^\s*(javascript|js):/i.test(value)) told(element, `${name} with a script`);
        if (/^(data-)?hx-trigger$/i.test(name) && value.includes('[')) told(element, 'a trigger that would be evaluated');
      }
      if (element.localName === 'style') told(element, 'style');
      if (element.localName === 'script' && (!element.hasAttribute('src') || element.textContent.trim())) told(element, 'script');
      if (element.localName === 'template') look(element.content);
      if (element.localName === 'form' && element.method === 'post') {
        if (!element.getAttribute('action')?.startsWith('/')) told(element, 'a form without an address');
        if (!element.querySelector('input[name="csrf"][value]:not([value=""])')) told(element, 'a form without a token');
      }
      if (element.localName === 'form' && element.method !== 'dialog' && !element.querySelector('button:not([type="button"]), input[type="submit"]')) {
        // the button may stand elsewhere
        if (!element.id || !root.querySelector(`button[form="${element.id}"]`)) told(element, 'a form that nothing sends without a script');
      }
    }
  };
  look(new DOMParser().parseFromString(text, 'text/html'));
  return found;
}, html);

/** Keeps the policies of everything that was answered. */
function policies(page) {
  const seen = [];
  page.on('response', (response) => {
    const what = `${response.request().method()} ${response.url()} (${response.status()})`;
    if (response.url().startsWith(base)) seen.push({ what, policy: response.headers()['content-security-policy'] });
  });
  return () => {
    assert.ok(seen.length, 'nothing was answered');
    for (const { what, policy } of seen) isStrict(policy, what);
  };
}

function isStrict(policy, what) {
  assert.ok(policy, `${what} has no policy`);
  assert.match(policy, /default-src 'none'/, what);
  assert.doesNotMatch(policy, /unsafe|\*|https?:|nonce|strict-dynamic/, what);
}

test('no page has anything inline, and all that it is made of comes with the policy', stage(async ({ open }) => {
  const pages = new Map();
  await everyWay(all, async ({ path, as = people.admin, status = 200 }) => {
    if (!pages.has(as)) pages.set(as, await open({ as }));
    const page = pages.get(as), told = policies(page);
    if (status >= 400) page.problems.allow(new RegExp(`status of ${status}`));
    const at = typeof path === 'string' ? path : await path(page);
    for (const look of [{ lang: 'ko', theme: 'light', density: 'default' }, { lang: 'en', theme: 'dark', density: 'compact' }]) {
      await prefer(page, look);
      const response = await go(page, at);
      assert.equal(response.status(), status);
      assert.deepEqual(await inline(page, await response.text()), []);
    }
    told();
  });
}));

test('neither have parts of pages and answers to forms', stage(async ({ open }) => {
  const page = await open({ as: people.approver }), told = policies(page), texts = [];
  page.problems.allow(/status of 4\d\d/);
  page.on('response', (response) => {
    if (response.headers()['content-type']?.startsWith('text/html') && response.status() !== 303) texts.push(response.text().catch(() => ''));
  });
  const request = await firstRequest(page);
  await page.selectOption('#filter-risk', 'high'); // a part of the page
  await page.waitForURL('**risk=high**');
  await go(page, request);
  await page.fill(hooks.decideReason, '짧음');
  await page.click(hooks.reject); // 422
  await page.locator('#decide-error').waitFor();
  await go(page, '/inbox');
  await page.locator(hooks.rowBox).first().check();
  await page.click(hooks.bulkGo);
  await page.click('#bulk-reject'); // 422
  await page.locator('#errors').waitFor();
  await go(page, '/requests/new/user.plan.grant');
  await page.click(hooks.check); // 422
  await page.locator('#errors').waitFor();
  for (const text of await Promise.all(texts)) assert.deepEqual(await inline(page, text), []);
  told();
}));

test('whatever is answered comes with the policy: files, exports, streams, refusals', stage(async ({ open }) => {
  const page = await open({ as: people.admin, fresh: true });
  await go(page, '/');
  const files = await page.locator('[src], link[href], use').evaluateAll((all) => {
    return all.map((element) => (element.getAttribute('src') ?? element.getAttribute('href')).split('#')[0]);
  });
  const gets = [...new Set(files), '/inbox.csv', '/orgs.csv', '/users.csv', '/ledger.csv', '/ledger/export', '/healthz', '/readyz', '/api/openapi.json', '/api/requests',
    '/api/requests/CR-999999', '/static/nothing.css', '/requests/CR-999999', '/requests/nonsense', '/ledger/nonsense', '/auth/callback', '/auth/start'];
  const posts = ['/login', '/preferences', '/views', '/requests/bulk', '/requests/new/org.tier.fix', '/csp-reports', '/session/extend', '/api/requests',
    '/no-such-page', '/logout'];
  const asked = [
    ...gets.map((path) => ({ method: 'GET', path })),
    ...posts.map((path) => ({ method: 'POST', path, form: { csrf: 'forged' } })),
    { method: 'DELETE', path: '/' },
  ];
  for (const { path, method, form } of asked) {
    const response = await page.context().request.fetch(base + path, { method, form, maxRedirects: 0, failOnStatusCode: false });
    const headers = response.headers(), what = `${method} ${path} (${response.status()})`;
    isStrict(headers['content-security-policy'], what);
    assert.equal(headers['x-content-type-options'], 'nosniff', what);
  }
  // a stream never ends, so it is asked for in the page
  const stream = await page.evaluate(async () => {
    const stop = new AbortController(), answer = await fetch('/events', { signal: stop.signal });
    stop.abort();
    return answer.headers.get('content-security-policy');
  });
  isStrict(stream, '/events');
}));
