// The tests of the pages rely on seeing what goes wrong there; this is where that is seen to work.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { base, stage } from './harness.mjs';

test('a page that breaks its policy does not pass', stage(async ({ open }) => {
  const page = await open();
  // a page of this test's own, so that the server hears of no violation
  await page.route(`${base}/broken-policy`, (route) => route.fulfill({
    contentType: 'text/html; charset=utf-8',
    headers: { 'content-security-policy': "default-src 'none'" },
    body: '<!doctype html><html lang="en"><title>Broken</title><p style="color: red">Red</p>',
  }));
  await page.goto(`${base}/broken-policy`);
  assert.throws(() => page.problems.check(), /content security policy: style-src-attr forbids inline/);
  page.problems.check('told once');
}));
