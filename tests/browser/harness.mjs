// A real browser against a real server. `stage(fn)` makes a node:test function that gets `open`, keeps an eye on every page it
// opened, and fails on any error in a browser console and on anything that broke the Content-Security-Policy.
import assert from 'node:assert/strict';
import { accessSync, constants } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import axeCore from 'axe-core';
import { chromium } from 'playwright-core';
import { hooks } from './hooks.mjs';
import { startServer } from './server.mjs';

export { hooks };
export const people = Object.fromEntries(['admin', 'approver', 'sre', 'cs', 'security', 'auditor', 'ops'].map((who) => [who, `${who}@hanbit.example`]));
const password = process.env.COUNTERSIGN_DEMO_PASSWORD ?? 'countersign-demo';
const pictures = fileURLToPath(new URL('screenshots/', import.meta.url));
/** How long anything may take to appear: generous, since the server is an unoptimised build on a busy machine. */
const patience = Number(process.env.PATIENCE_MS ?? 15_000);

// One server for a run (run.mjs hands over its address); a file run by itself starts its own.
const server = process.env.BASE_URL ? { url: process.env.BASE_URL.replace(/\/$/, ''), product: process.env.PRODUCT_URL, till: process.env.TILL_URL, stop() {}, violations: [] } : await startServer();
export const base = server.url;
/** The admin API of the demo's product: `POST /mode/…` breaks and mends it. */
export const product = server.product;
/** Where the demo's customers pay: `POST /make` and `/set/…` make and change a payment there. */
export const till = server.till;

/* --------------------------------------------------------------------------------------------------------- browser -- */

export const launching = {
  executablePath: findChromium(),
  headless: process.env.HEADED === undefined,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
};
const browser = await chromium.launch(launching);
await mkdir(pictures, { recursive: true });
after(async () => {
  await browser.close();
  await server.stop();
  assert.deepEqual(server.violations, [], 'the server was told of a broken policy');
});

function findChromium() {
  const onPath = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
    .flatMap((name) => (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, name)));
  const onMac = ['Chromium', 'Google Chrome'].map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`);
  const found = [process.env.CHROMIUM, ...onPath, ...onMac].find((path) => {
    try { accessSync(path, constants.X_OK); return true; } catch { return false; }
  });
  return found ?? assert.fail('no Chromium: run `tests/install browser`, or set CHROMIUM to its path');
}

export const desktop = { width: 1440, height: 900 };
export const phone = { width: 390, height: 844 };
/** The width WCAG 1.4.10 asks for. */
export const narrow = { width: 320, height: 640 };

/** The sessions of this run, by e-mail: signing in is slow on purpose (argon2) and counted. */
const sessions = new Map();

/**
 * A context of its own: another person, another browser. `as` is an e-mail; without it nobody is signed in.
 * Gives the page, with `page.problems` on it.
 */
async function openPage({ as, lang = 'ko', theme = 'light', viewport = desktop, script = true, fresh = false } = {}) {
  const context = await browser.newContext({
    viewport, locale: lang === 'ko' ? 'ko-KR' : 'en-US', timezoneId: 'Asia/Seoul', javaScriptEnabled: script, reducedMotion: 'reduce',
    storageState: as && !fresh ? await sessionOf(as) : undefined,
  });
  // said in the console, where `watch` listens
  await context.addInitScript(() => document.addEventListener('securitypolicyviolation', (broken) => {
    console.error(`content security policy: ${broken.effectiveDirective} forbids ${broken.blockedURI} (${broken.sourceFile}:${broken.lineNumber})`);
  }));
  context.setDefaultTimeout(patience);
  const page = await context.newPage();
  await prefer(page, { lang, theme });
  page.problems = watch(page);
  if (as && fresh) await signIn(page, as);
  return page;
}

/** Language, theme and density are cookies; the next page that is loaded follows them. */
export async function prefer(page, preferences) {
  await page.context().addCookies(Object.entries(preferences).map(([name, value]) => ({ name, value, url: base })));
}

function sessionOf(email) {
  // the promise is kept, not its value: two tests at a time may want the same person
  if (!sessions.has(email)) sessions.set(email, newSession(email));
  return sessions.get(email);
}

async function newSession(email) {
  const context = await browser.newContext();
  try {
    await signIn(await context.newPage(), email);
    return await context.storageState();
  } finally {
    await context.close();
  }
}

/** Through the form, as a person does. */
export async function signIn(page, email, secret = password) {
  await page.goto(`${base}/login`);
  await page.fill(hooks.emailField, email);
  await page.fill(hooks.passwordField, secret);
  await page.click(hooks.signIn);
  await page.waitForURL((url) => url.pathname !== '/login', { timeout: patience });
}

export async function signOut(page) {
  await page.click(hooks.menu);
  await page.click(hooks.signOut);
}

/**
 * Everything wrong that a page said: console errors (a violated Content-Security-Policy is one), uncaught exceptions, answers of
 * 500 and more. `allow(pattern)` takes a pattern out, for a page that is meant to fail; `check` tells each problem once.
 */
function watch(page) {
  const said = [], allowed = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || /content security policy/i.test(message.text())) said.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => said.push(`exception: ${error.stack ?? error.message}`));
  page.on('response', (response) => { if (response.status() >= 500) said.push(`${response.status()}: ${response.url()}`); });
  return {
    allow: (pattern) => allowed.push(pattern),
    check(where = page.url()) {
      const left = said.splice(0).filter((line) => !allowed.some((pattern) => pattern.test(line)));
      assert.equal(left.length, 0, `${where}:\n  ${left.join('\n  ')}`);
    },
  };
}

/** A test that opens pages: checks them in the end, photographs them when it failed, closes them always. */
export function stage(act) {
  return async (t) => {
    const pages = [];
    const open = async (options) => {
      const page = await openPage(options);
      pages.push(page);
      return page;
    };
    try {
      await act({ t, open });
      for (const page of pages) page.problems.check();
    } catch (error) {
      for (const [index, page] of pages.entries()) {
        const name = `failed.${t.name.replace(/[^\p{L}\p{N}]+/gu, '-').slice(0, 60)}.${index + 1}`;
        await shot(page, name).catch(() => {});
        t.diagnostic(`${page.url()} → screenshots/${name}.png`);
        try { page.problems.check(); } catch (other) { t.diagnostic(other.message); }
      }
      throw error;
    } finally {
      await Promise.all(pages.map((page) => page.context().close()));
    }
  };
}

/* --------------------------------------------------------------------------------------------------------- looking -- */

export async function go(page, path) {
  const response = await page.goto(new URL(path, base).href);
  await page.evaluate(() => document.fonts.ready.then(() => {}));
  return response;
}

/** Does what makes a page change itself or go elsewhere, and waits until it has. */
export async function changes(page, act) {
  // another document takes this promise with it; then it is the load that counts
  const swapped = page.evaluate(() => new Promise((done) => { addEventListener('htmx:after:swap', () => done(), { once: true, capture: true }); }))
    .catch(() => new Promise(() => {}));
  const loaded = page.waitForEvent('load', { timeout: patience });
  loaded.catch(() => {});
  await act();
  await Promise.race([swapped, loaded]);
}

/** Tries every combination and fails with all that was found: each thing once, with the combinations that have it. */
export async function everyWay(combinations, act) {
  const found = new Map();
  for (const combination of combinations) {
    const name = combination.name ?? Object.values(combination).join(' ');
    try {
      await act(combination, name);
    } catch (error) {
      found.set(error.message, [...(found.get(error.message) ?? []), name]);
    }
  }
  if (found.size) assert.fail([...found].map(([message, names]) => `${names.join(', ')}:\n${message}`).join('\n\n'));
}

export async function shot(page, name) {
  await page.screenshot({ path: join(pictures, `${name}.png`), animations: 'disabled' });
}

/**
 * WCAG 2.2 AA as far as a program can tell. The engine runs in the page, whatever the page's policy says; since no page has frames,
 * nothing needs to be put together from several, which takes twice the time.
 */
export async function axe(page, where = page.url()) {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axeCore.source);
  const violations = await page.evaluate(async () => {
    const runOnly = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'], resultTypes = ['violations'];
    const { violations } = await globalThis.axe.run(document, { runOnly, resultTypes });
    // What a bar at the edge of the page covers in part is as small as the fold makes it; who scrolls has it whole. What stays small
    // in the middle of the page is small.
    const small = violations.find(({ id }) => id === 'target-size');
    if (!small) return violations;
    const at = [scrollX, scrollY], still = [];
    for (const node of small.nodes) {
      document.querySelector(node.target[0]).scrollIntoView({ block: 'center', behavior: 'instant' });
      const again = await globalThis.axe.run(node.target[0], { runOnly: { type: 'rule', values: ['target-size'] }, resultTypes });
      still.push(...again.violations.flatMap(({ nodes }) => nodes));
    }
    scrollTo({ left: at[0], top: at[1], behavior: 'instant' });
    return [...violations.filter((violation) => violation !== small), ...(still.length ? [{ ...small, nodes: still }] : [])];
  });
  const list = violations.map(({ id, impact, help, nodes }) => [
    `${id} (${impact}): ${help}`,
    ...nodes.slice(0, 5).map(({ target, failureSummary }) => `    ${target.join(' ')}\n      ${failureSummary.replace(/\n\s*/g, '; ')}`),
    ...(nodes.length > 5 ? [`    and ${nodes.length - 5} more`] : []),
  ].join('\n'));
  assert.equal(violations.length, 0, `${where}:\n  ${list.join('\n  ')}`);
}

/** Nothing makes the page itself scroll sideways. Wide tables may scroll in a box of their own. */
export async function fits(page, where = page.url()) {
  const { width, inner, wide } = await page.evaluate(() => {
    const inBox = ({ parentElement: box }) => box && box !== document.body && (getComputedStyle(box).overflowX !== 'visible' || inBox(box));
    return {
      width: document.documentElement.scrollWidth,
      inner: innerWidth,
      wide: [...document.body.querySelectorAll('*')]
        .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5 && element.checkVisibility() && !inBox(element))
        .slice(0, 5)
        .map((element) => `${element.localName}${element.id ? `#${element.id}` : ''}${[...element.classList].map((name) => `.${name}`).join('')} → ${Math.round(element.getBoundingClientRect().right)}`),
    };
  });
  assert.ok(width <= inner, `${where} is ${width} wide in ${inner}: ${wide.join(', ')}`);
}

/** Puts a mark on the document that a reload or a full navigation would wipe; gives the check that it is still there. */
export async function staysLoaded(page) {
  await page.evaluate(() => { globalThis.countersignNotReloaded = true; });
  return async () => assert.ok(await page.evaluate(() => globalThis.countersignNotReloaded === true), `${page.url()} was loaded anew`);
}

/** Waits until the page has its event stream: only then can it be expected to follow. */
export async function isLive(page) {
  await page.locator(`${hooks.live}[data-state="on"]`).waitFor();
}

export function pathOf(page) {
  return new URL(page.url()).pathname;
}

/** The first request of the inbox; its row tells the number, since its link may only put it beside the list. */
export async function firstRequest(page) {
  await go(page, '/inbox');
  const id = await page.locator(hooks.anyRequest).first().getAttribute('id');
  return `/requests/${id.slice('row-'.length)}`;
}

/** The paths of this form that the page links to, each once, in order. */
export async function links(page, pattern) {
  const all = await page.locator('a[href]').evaluateAll((anchors) => anchors.map((anchor) => new URL(anchor.href).pathname));
  return [...new Set(all.filter((path) => pattern.test(path)))];
}
