// Every page in both languages, both themes and every density: accessible as far as a program can tell, silent in the console, in the
// language it says, and photographed (screenshots/). Then on a phone and at the narrowest width WCAG asks for, and with everything
// open that opens.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { openings, swaps } from './acts.mjs';
import { all } from './all-pages.mjs';
import { axe, changes, desktop, everyWay, fits, go, narrow, people, phone, prefer, shot, stage } from './harness.mjs';

const found = new Map();

/** Opens a page of the list the way a test wants it. */
async function show(open, entry, options) {
  const { name, path, as = people.admin, status = 200 } = entry;
  const page = await open({ as, ...options });
  if (status >= 400) page.problems.allow(new RegExp(`status of ${status}`));
  if (!found.has(name)) found.set(name, typeof path === 'string' ? path : await path(page));
  await reload(page, entry, {});
  return page;
}

/** The same page again, with other preferences: far cheaper than another browser context. */
async function reload(page, { name, status = 200 }, preferences) {
  await prefer(page, preferences);
  const response = await go(page, found.get(name));
  assert.equal(response.status(), status, `${page.url()} answered ${response.status()}`);
}

const looks = ['ko', 'en'].flatMap((lang) => ['light', 'dark'].map((theme) => ({ lang, theme })));
/** Where the words and the colours do not multiply: each language and each theme once. */
const twoLooks = [{ lang: 'ko', theme: 'light' }, { lang: 'en', theme: 'dark' }];
// two at a time: one page waits for the server while the other is examined
const pairwise = { concurrency: 2 };

describe('in every language, theme and density', pairwise, () => {
  for (const entry of all) {
    test(entry.name, stage(async ({ open }) => {
      const page = await show(open, entry, { viewport: desktop });
      await everyWay(looks, async ({ lang, theme }) => {
        await reload(page, entry, { lang, theme, density: 'default' });
        await shot(page, `${entry.name}.${lang}.${theme}`);
        assert.equal(await page.getAttribute('html', 'lang'), lang);
        assert.equal(await isDark(page), theme === 'dark', `the page is not ${theme}`);
        assert.ok(await page.title(), 'no title');
        assert.equal(await page.locator('h1').count(), 1, 'one h1');
        await fits(page);
        page.problems.check();
      });
      const dense = looks.flatMap((look) => ['compact', 'comfortable'].map((density) => ({ ...look, density })));
      await everyWay(dense, async (look) => {
        await reload(page, entry, look);
        await fits(page);
        await axe(page);
        page.problems.check();
        assert.equal(await page.getAttribute('html', 'data-density'), look.density);
      });
    }));
  }
});

describe('on a phone', pairwise, () => {
  for (const entry of all) {
    test(entry.name, stage(async ({ open }) => {
      const page = await show(open, entry, { viewport: phone });
      await shot(page, `${entry.name}.ko.light.390`);
      await everyWay(twoLooks, async (look) => {
        await reload(page, entry, look);
        await fits(page);
        await axe(page);
      });
      await page.setViewportSize(narrow);
      await everyWay(['ko', 'en'].map((lang) => ({ lang, density: 'comfortable' })), async (look) => {
        await reload(page, entry, look);
        await fits(page);
      });
    }));
  }
});

describe('with what opens and what is swapped', pairwise, () => {
  const acts = [...openings, ...swaps.map((entry) => ({ ...entry, elsewhere: true }))];
  for (const { name, at, viewport = desktop, act, shows, elsewhere, status } of acts) {
    test(name, stage(async ({ open }) => {
      const page = await open({ as: people.approver, viewport });
      page.setDefaultTimeout(5_000); // what is missing is told soon
      if (status) page.problems.allow(new RegExp(`status of ${status}`));
      await everyWay(twoLooks, async (look) => {
        await prefer(page, look);
        await go(page, at);
        await (elsewhere ? changes(page, () => act(page)) : act(page));
        if (shows) await page.locator(shows).filter({ visible: true }).first().waitFor();
        await fits(page);
        await axe(page);
        page.problems.check();
      });
    }));
  }
});

test('forced colours, for the eye: no rule tells by background alone', stage(async ({ open }) => {
  const page = await show(open, all.find(({ name }) => name === 'request'), {});
  await page.emulateMedia({ forcedColors: 'active' });
  await shot(page, 'request.forced-colours');
}));

/** By what the eye gets, not by what the document says of itself. */
async function isDark(page) {
  const [red, green, blue] = await page.evaluate(() => {
    const canvas = new OffscreenCanvas(1, 1).getContext('2d');
    canvas.fillStyle = '#fff';
    canvas.fillRect(0, 0, 1, 1);
    for (const element of [document.documentElement, document.body]) {
      canvas.fillStyle = getComputedStyle(element).backgroundColor;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data];
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 128;
}
