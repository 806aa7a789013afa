// What somebody has typed is theirs: it comes back after a reload, another language and a lost session, it is gone when they say so,
// send it or sign out, and nobody else at the same browser sees it.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { go, hooks, people, signIn, signOut, stage } from './harness.mjs';
import { ask, assertDiff, orgAt, requestId } from './road.mjs';

const reason = '계약서 3조에 따라 등급을 맞춥니다';
const note = '[data-draft-note]', discard = '[data-draft-discard]';
/** Longer than the pause after which a script keeps what was typed. */
const pause = (page) => page.waitForTimeout(600);
const loseSession = (page) => page.context().clearCookies({ name: /countersign/ });

/** Where text is typed, by whom, and what sends it. */
const forms = [
  {
    name: 'the form of a request',
    who: people.admin,
    other: people.cs,
    text: hooks.field('reason'),
    send: hooks.check,
    async at(page) {
      return `/requests/new/org.tier.fix?org_id=${(await orgAt(page, 20)).split('/').pop()}`;
    },
  },
  {
    name: 'the decision',
    who: people.approver,
    other: people.admin,
    text: hooks.decideReason,
    send: hooks.approve,
    at: async (_, open) => `/requests/${(await ask(await open({ as: people.ops }), 21)).id}`,
  },
];

for (const { name, who, other, text, send, at } of forms) {
  describe(name, () => {
    let path;
    const begin = async (open) => {
      const page = await open({ as: who, fresh: true });
      page.problems.allow(/status of 40[13]/);
      path ??= await at(page, open);
      await go(page, path);
      await page.fill(text, reason);
      return page;
    };
    const isBack = async (page, where) => {
      assert.equal(await page.inputValue(text), reason, `${where}: the text is gone`);
      await page.locator(note).filter({ visible: true }).waitFor();
    };
    const isAway = async (page, where) => {
      assert.equal(await page.inputValue(text), '', `${where}: the text is there`);
      assert.equal(await page.locator(note).filter({ visible: true }).count(), 0);
    };

    test('a reload and another language', stage(async ({ open }) => {
      const page = await begin(open);
      await pause(page);
      await page.reload();
      await isBack(page, 'after a reload');
      await page.click('#lang');
      await page.locator('html[lang="en"]').waitFor();
      await isBack(page, 'in English');
    }));

    test('a reload in the middle of a word', stage(async ({ open }) => {
      const page = await begin(open);
      await page.reload();
      await isBack(page, 'after a reload');
    }));

    test('another language in the middle of a word', stage(async ({ open }) => {
      const page = await begin(open);
      await page.click('#lang');
      await page.locator('html[lang="en"]').waitFor();
      await isBack(page, 'in English');
    }));

    for (const [how, wait] of [['', pause], [' right after the last key', () => {}]]) {
      test(`a session that was lost, sent${how}`, stage(async ({ open }) => {
        const page = await begin(open);
        await wait(page);
        await loseSession(page);
        await page.click(send);
        await page.locator('.failure').waitFor();
        assert.match(await page.locator(hooks.main).innerText(), new RegExp(reason), 'the failure shows what was typed');
        await page.click('.failure a[href^="/login"]');
        await signIn(page, who);
        await go(page, path);
        await isBack(page, 'after signing in again');

        await page.click(discard);
        await isAway(page, 'thrown away');
        await pause(page);
        await page.reload();
        await isAway(page, 'thrown away, after a reload');
      }));
    }

    test('signing out forgets', stage(async ({ open }) => {
      const page = await begin(open);
      await pause(page);
      await signOut(page);
      await page.waitForURL('**/login');
      assert.deepEqual(await page.evaluate(() => Object.keys(localStorage).filter((key) => /^(draft|recent):/.test(key))), []);
      await signIn(page, who);
      await go(page, path);
      await isAway(page, 'after signing out and in');
    }));

    test('another person at the same browser', stage(async ({ open }) => {
      const page = await begin(open);
      await pause(page);
      await loseSession(page);
      await signIn(page, other);
      await go(page, path);
      await isAway(page, 'another person');
      await page.keyboard.press('ControlOrMeta+k');
      assert.equal(await page.locator('#palette-list .palette-group', { hasText: '최근에 본 항목' }).count(), 0, 'what the other has seen');
      assert.ok(!(await page.locator('body').innerText()).includes(reason));
      await loseSession(page);
      await signIn(page, who);
      await go(page, path);
      await isBack(page, 'the one who typed it');
    }));
  });
}

test('what was sent does not come back', stage(async ({ open }) => {
  const page = await open({ as: people.admin, fresh: true });
  const org = (await orgAt(page, 22)).split('/').pop(), path = '/requests/new/org.tier.fix';
  await go(page, `${path}?org_id=${org}`);
  await page.fill(hooks.field('credit'), '765,432');
  await page.fill(hooks.field('reason'), reason);
  await pause(page);
  await page.click(hooks.check);
  await assertDiff(page.locator(hooks.preview), { credit: '765432' });
  await page.click(hooks.submit);
  await requestId(page);
  await go(page, path);
  assert.equal(await page.inputValue(hooks.field('reason')), '');
  assert.equal(await page.inputValue(hooks.field('credit')), '');
}));

test('what was sent does not come back, though it was sent in the middle of a word and the server took its time', stage(async ({ open }) => {
  const page = await open({ as: people.admin, fresh: true });
  const org = (await orgAt(page, 22)).split('/').pop(), path = '/requests/new/org.tier.fix';
  await page.route(`**${path}`, async (route) => {
    if (route.request().method() === 'POST') await new Promise((done) => { setTimeout(done, 1000); });
    await route.continue();
  });
  await go(page, `${path}?org_id=${org}`);
  await page.fill(hooks.field('credit'), '654,321');
  await page.fill(hooks.field('reason'), reason.slice(0, 12));
  await pause(page);
  await page.fill(hooks.field('reason'), reason);
  await page.click(hooks.check);
  await assertDiff(page.locator(hooks.preview), { credit: '654321' });
  await page.click(hooks.submit);
  await requestId(page);
  await go(page, path);
  assert.equal(await page.inputValue(hooks.field('reason')), '');
}));

test('a session lost while the change was being checked', stage(async ({ open }) => {
  const page = await open({ as: people.admin, fresh: true });
  page.problems.allow(/status of 40[13]/);
  const path = `/requests/new/org.tier.fix?org_id=${(await orgAt(page, 23)).split('/').pop()}`;
  await go(page, path);
  await page.fill(hooks.field('credit'), '543,210');
  await page.fill(hooks.field('reason'), reason);
  await pause(page);
  await page.click(hooks.check);
  await page.locator(hooks.preview).waitFor();
  await loseSession(page);
  await page.click(hooks.submit);
  await page.locator('.failure').waitFor();
  await signIn(page, people.admin);
  await go(page, path);
  assert.equal(await page.inputValue(hooks.field('reason')), reason, 'the text is gone');
  assert.equal(await page.inputValue(hooks.field('credit')), '543,210');
}));

test('another language on a page that answers a form', stage(async ({ open }) => {
  const { id } = await ask(await open({ as: people.ops }), 24);
  const page = await open({ as: people.approver, fresh: true });
  page.problems.allow(/status of 422/);
  await go(page, `/requests/${id}`);
  await page.fill(hooks.decideReason, '짧음');
  await page.click(hooks.reject);
  await page.locator('#decide-error').waitFor();
  await page.click('#lang');
  await page.locator('html[lang="en"]').waitFor();
  assert.equal(await page.locator('.failure').count(), 0, `the request is gone: ${page.url()}`);
  assert.equal(await page.inputValue(hooks.decideReason), '짧음');
}));

test('another language at the dry run', stage(async ({ open }) => {
  const page = await open({ as: people.approver, fresh: true });
  await go(page, '/inbox');
  for (const index of [0, 1]) await page.locator(hooks.rowBox).nth(index).check();
  await page.click(hooks.bulkGo);
  await page.fill('#bulk-reason', reason);
  await page.click('#lang');
  await page.locator('html[lang="en"]').waitFor();
  assert.equal(await page.locator('.failure').count(), 0, `the dry run is gone: ${page.url()}`);
  // it has no address of its own, so it may take another click; nothing that was chosen or typed is lost
  if (!(await page.locator('#bulk-form').count())) await page.click(hooks.bulkGo);
  await page.locator('#bulk-form').waitFor();
  assert.equal(await page.locator('#bulk-form [name="item"]').count(), 2);
  assert.equal(await page.inputValue('#bulk-reason'), reason);
}));
