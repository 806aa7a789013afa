// Every page there is, one of each kind.
import assert from 'node:assert/strict';
import { firstRequest, go, hooks, links, people } from './harness.mjs';
import { change, fixLink, orgAt } from './road.mjs';

/** `path` may be a function that finds the way from another page. */
const first = (list, pattern) => async (page) => {
  await go(page, list);
  return (await links(page, pattern))[0] ?? assert.fail(`${list} links to no ${pattern}`);
};
export const all = [
  { name: 'login', path: '/login', as: null },
  { name: 'dashboard', path: '/' },
  { name: 'inbox', path: '/inbox', as: people.approver },
  { name: 'inbox-empty', path: '/inbox?q=qqqqq', as: people.approver },
  { name: 'request', path: firstRequest, as: people.approver },
  { name: 'choose', path: '/requests/new' },
  { name: 'form', path: '/requests/new/org.tier.fix' },
  { name: 'check', path: checkStep },
  { name: 'users', path: '/users' },
  { name: 'user', path: first('/users', /^\/users\/[^/]+$/) },
  { name: 'orgs', path: '/orgs' },
  { name: 'org', path: first('/orgs', /^\/orgs\/[^/]+$/) },
  { name: 'plans', path: '/catalog/plans', as: people.approver },
  { name: 'plan', path: '/catalog/plans/pro?version=3&price=yes&use-tokens=87654321' },
  { name: 'plan-warned', path: '/catalog/plans/enterprise' },
  { name: 'plan-next', path: '/catalog/plans/starter/next', as: people.approver },
  { name: 'addons', path: '/catalog/addons' },
  { name: 'promotions', path: '/catalog/promotions' },
  { name: 'promotion', path: '/catalog/promotions/LAUNCH15', as: people.cs },
  { name: 'redemptions', path: '/catalog/redemptions' },
  { name: 'permissions', path: '/permissions' },
  { name: 'permission', path: '/permissions/standard' },
  { name: 'permission-next', path: '/permissions/standard/next' },
  { name: 'onboarding', path: '/onboarding', as: people.cs },
  { name: 'onboarding-list', path: '/onboarding?view=list' },
  { name: 'onboarding-one', path: first('/onboarding', /^\/onboarding\/ON-\d+$/), as: people.cs },
  { name: 'onboarding-new', path: '/onboarding/new', as: people.cs },
  { name: 'onboarding-import', path: '/onboarding/import', as: people.cs },
  { name: 'companies', path: '/companies' },
  { name: 'company', path: first('/companies', /^\/companies\/[^/]+$/) },
  { name: 'subscriptions', path: '/subscriptions' },
  { name: 'subscription', path: '/tenants/tnt_demoonb001/subscription' },
  { name: 'subscription-change', path: '/tenants/tnt_demoonb000/subscription/change?plan=enterprise' },
  { name: 'subscription-cancel', path: '/tenants/tnt_demoonb000/subscription/cancel' },
  { name: 'subscribers', path: '/subscriptions/plans/pro' },
  { name: 'migrate', path: '/subscriptions/plans/pro/migrate' },
  { name: 'migration', path: first('/subscriptions/plans/pro', /^\/subscriptions\/migrations\/CR-\d+$/), as: people.cs },
  { name: 'addon-requests', path: '/addons' },
  { name: 'addon-new', path: '/addons/new?tenant=tnt_demoonb001', as: people.cs },
  { name: 'tenant-addons', path: '/tenants/tnt_demoonb000/addons' },
  { name: 'invoice-preview', path: '/tenants/tnt_demoonb000/invoice-preview?use-tokens=87654321&use-processed=48123672' },
  { name: 'payments', path: '/payments' },
  { name: 'payment', path: first('/payments', /^\/payments\/PAY-\d+$/) },
  { name: 'ledger', path: '/ledger' },
  { name: 'ledger-mistake', path: '/ledger?line=actor:%EB%AF%BC%EC%88%98+acton:x' },
  { name: 'event', path: first('/ledger', /^\/ledger\/[0-9a-f-]{36}$/) },
  { name: 'policy', path: '/policy' },
  { name: 'policy-draft', path: '/policy/simulate' },
  { name: 'insights', path: '/insights?days=90' },
  { name: 'access', path: '/access' },
  { name: 'api', path: '/api/docs' },
  { name: 'search', path: '/search?q=CR-20' },
  { name: 'help', path: '/help' },
  { name: 'help-topic', path: '/help/inbox' },
  { name: 'style', path: '/style' },
  { name: 'missing', path: '/no-such-page', status: 404 },
];

/** What was filled in waits in the session, which the other looks at this page share. */
async function checkStep(page) {
  const org = await orgAt(page, 6);
  await go(page, org);
  await page.click(fixLink(page, org));
  const { tier, credit, reason } = await change(page);
  await page.selectOption(hooks.field('tier'), tier);
  await page.fill(hooks.field('credit'), credit);
  await page.fill(hooks.field('reason'), reason);
  await page.click(hooks.check);
  await page.locator(hooks.preview).waitFor();
  const { pathname, search } = new URL(page.url());
  return pathname + search;
}
