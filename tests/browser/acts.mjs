// What people do that opens something over a page or swaps a part of it; `pages` examines what is then seen, `budgets` how long it took.
import { changes, hooks, phone } from './harness.mjs';

const unfold = (details) => (page) => page.locator(details).locator('summary').first().click();
/** What opens over a page or, `elsewhere`, after it without an address of its own; where, what is answered, and what is then seen. */
export const openings = [
  { name: 'the list of shortcuts', at: '/inbox', act: (page) => page.keyboard.press('?'), shows: hooks.keySheet },
  {
    name: 'the palette with results',
    at: '/',
    shows: hooks.palette,
    act: async (page) => {
      await page.keyboard.press('ControlOrMeta+k');
      await page.locator(hooks.paletteInput).fill('CR');
      await page.locator(hooks.paletteResult).first().waitFor();
    },
  },
  { name: 'the menu of the person', at: '/', act: (page) => page.click(hooks.menu), shows: hooks.menuOpen },
  { name: 'the choice of columns', at: '/inbox', act: unfold(hooks.columns), shows: `${hooks.columns}[open]` },
  { name: 'how to write the line', at: '/ledger', act: unfold('#line-help'), shows: '#line-help[open]' },
  { name: 'the saved views', at: '/inbox', act: unfold(hooks.views), shows: `${hooks.views}[open]` },
  { name: 'the bar over selected rows', at: '/inbox', act: (page) => page.locator(hooks.rowBox).first().check(), shows: hooks.bulk },
  {
    name: 'the dry run for two rows',
    at: '/inbox',
    elsewhere: true,
    act: async (page) => {
      for (const index of [0, 1]) await page.locator(hooks.rowBox).nth(index).check();
      await page.click(hooks.bulkGo);
    },
  },
  {
    name: 'the form with what is wrong in it',
    at: '/requests/new/user.plan.grant',
    elsewhere: true,
    status: 422,
    shows: hooks.errors,
    act: (page) => page.click(hooks.check),
  },
  {
    name: 'the dry run that wants a reason',
    at: '/inbox',
    elsewhere: true,
    status: 422,
    shows: hooks.errors,
    act: async (page) => {
      await page.locator(hooks.rowBox).first().check();
      await changes(page, () => page.click(hooks.bulkGo));
      await page.click('#bulk-reject');
    },
  },
  {
    name: 'the decision that wants a reason',
    at: '/inbox',
    elsewhere: true,
    status: 422,
    shows: hooks.decideError,
    act: async (page) => {
      await changes(page, () => page.locator(hooks.anyRow).first().click());
      await page.click(hooks.reject);
    },
  },
  { name: 'the navigation on a phone', at: '/', viewport: phone, act: (page) => page.click(hooks.navToggle), shows: hooks.nav },
];
/** What makes the inbox change, in place or as another page: the tests take either. */
export const swaps = [
  { name: 'the inbox drawn anew', at: '/inbox', act: (page) => page.keyboard.press('.') },
  { name: 'the inbox, sorted', at: '/inbox?tab=decided', act: (page) => page.locator(hooks.sort).first().click() },
  { name: 'the inbox, its next page', at: '/inbox?tab=decided', act: (page) => page.click(hooks.next) },
  {
    name: 'the inbox with a request beside it',
    at: '/inbox',
    shows: hooks.request,
    act: (page) => page.locator(hooks.anyRow).first().click(),
  },
  {
    name: 'the inbox, filtered until nothing is left',
    at: '/inbox',
    act: async (page) => {
      await page.fill(hooks.filter, 'qqqqq');
      await page.keyboard.press('Enter');
    },
  },
];
