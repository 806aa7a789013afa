// Signing in through the identity provider: a real OpenID Connect code flow in a real browser.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { base, go, hooks, pathOf, people, signOut, stage } from './harness.mjs';

const providerButton = (email) => `button[name="login"][value="${email}"]`;

test('signs in through the provider, to the page that was asked for, and out', stage(async ({ open }) => {
  const page = await open();
  await go(page, '/orgs');
  await page.waitForURL(`${base}/login**`);
  await toProvider(page);
  await page.click(providerButton(people.cs));
  await page.waitForURL(`${base}/orgs`);
  assert.match(await page.locator(hooks.menu).innerText(), /최민아/);

  await signOut(page);
  // the provider may ask whether its own session shall end, too
  const ask = page.locator('button[name="logout"][value="yes"]');
  await ask.or(page.locator(hooks.emailField)).first().waitFor();
  if (await ask.count()) await ask.click();
  await go(page, '/orgs');
  await page.waitForURL(`${base}/login**`);
}));

test('a sign-in that the provider refuses ends on the login page with a reason', stage(async ({ open }) => {
  const page = await open();
  page.problems.allow(/status of 4\d\d/);
  await go(page, '/login');
  const provider = await toProvider(page);
  await misbehave(provider, 'access-denied');
  try {
    await page.click(providerButton(people.cs));
    await page.waitForURL((url) => url.origin === base);
    await page.locator(hooks.refusal).first().waitFor();
    await go(page, '/inbox');
    assert.equal(pathOf(page), '/login');
  } finally {
    await misbehave(provider, 'none');
  }
}));

test('a forged ID token is refused', stage(async ({ open }) => {
  const page = await open();
  page.problems.allow(/status of 4\d\d/);
  await go(page, '/login');
  const provider = await toProvider(page);
  await misbehave(provider, 'bad-signature');
  try {
    await page.click(providerButton(people.admin));
    await page.waitForURL((url) => url.origin === base);
    await go(page, '/inbox');
    assert.equal(pathOf(page), '/login');
  } finally {
    await misbehave(provider, 'none');
  }
}));

/** From the login page; gives the provider's address. */
async function toProvider(page) {
  await page.click(hooks.sso);
  await page.waitForURL((url) => url.origin !== base);
  return new URL(page.url()).origin;
}

async function misbehave(provider, mode) {
  const answer = await fetch(`${provider}/misbehave`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ mode }) });
  assert.equal(answer.status, 200);
}
