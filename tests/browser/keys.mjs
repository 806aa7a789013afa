// The keyboard, as somebody uses it who has no pointer: Tab, Enter, arrows, and the keys that the sheet of shortcuts tells.
import assert from 'node:assert/strict';

export async function keys(page, ...all) {
  for (const key of all) await page.keyboard.press(key);
}

export function focused(page, selector) {
  return page.evaluate((wanted) => Boolean(document.activeElement?.matches(wanted)), selector);
}

/** j until the focus is on it; not a row more than a page has. */
export async function down(page, selector) {
  await page.locator(selector).filter({ visible: true }).first().waitFor();
  for (let step = 0; step < 60 && !(await focused(page, selector)); step += 1) {
    await keys(page, 'j');
    await shows(page, selector);
  }
  assert.ok(await focused(page, selector), `j never came to ${selector} on ${page.url()}`);
}

/** Tab until the focus is on it, looking at every stop on the way. */
export async function tabTo(page, selector, tab = 'Tab') {
  await page.locator(selector).filter({ visible: true }).first().waitFor();
  const trail = [];
  for (let step = 0; step < 250; step += 1) {
    await keys(page, tab);
    const stop = await shows(page, selector);
    if (!stop) continue;
    trail.push(stop.name);
    if (stop.here) return;
  }
  assert.fail(`${tab} never came to ${selector} on ${page.url()}: ${trail.slice(-40).join(' → ')}`);
}

/**
 * Where the focus is must be visible (WCAG 2.4.3), show that it has the focus (2.4.7), and not lie wholly under something else
 * (2.4.11). Nothing when no element has it: then Tab has left the page.
 */
export async function shows(page, selector) {
  const stop = await page.evaluate((wanted) => {
    const element = document.activeElement;
    if (!element || element === document.body) return null;
    // the ring may be drawn by the row or the field around it
    const rings = [[element], [element, '::before'], [element, '::after'], [element.parentElement]].map((part) => getComputedStyle(...part))
      .filter(({ outlineStyle, outlineWidth, boxShadow }) => (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none');
    const boxes = [...element.getClientRects()].flatMap(({ left, right, top, bottom }) => {
      const [x, y] = [(left + right) / 2, (top + bottom) / 2];
      return [[x, y], [left + 2, y], [right - 2, y], [x, top + 2], [x, bottom - 2]];
    });
    const under = boxes.map((point) => document.elementFromPoint(...point)).filter(Boolean);
    return {
      name: `${element.localName}${element.id ? `#${element.id}` : ''}${element.name ? `[name=${element.name}]` : ''}`,
      here: element.matches(wanted),
      visible: element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && element.getBoundingClientRect().width > 1,
      // the button in a date field has the focus when the field only seems to; the browser draws its ring
      ring: rings.length > 0 || (element.type === 'date' && !element.matches(':focus-visible')),
      // what lies there belongs to it, or it to what lies there
      bare: under.some((other) => element.contains(other) || other.contains(element)),
      under: under[0] && `${under[0].localName}.${under[0].className}`,
    };
  }, selector);
  if (!stop) return null;
  const where = `${stop.name} on ${page.url()}`;
  assert.ok(stop.visible, `${where} takes the focus but cannot be seen`);
  assert.ok(stop.ring, `${where} does not show that it has the focus`);
  assert.ok(stop.bare, `${where} has the focus under ${stop.under ?? 'nothing: it is out of sight'}`);
  return stop;
}

export async function press(page, selector, key = 'Enter') {
  await tabTo(page, selector);
  await keys(page, key);
}

export async function write(page, selector, text) {
  await tabTo(page, selector);
  await keys(page, 'ControlOrMeta+A');
  await page.keyboard.type(text);
}

export async function choose(page, selector, value) {
  await tabTo(page, selector);
  await keys(page, 'Home');
  for (let step = 0; step < 30 && (await page.inputValue(selector)) !== value; step += 1) await keys(page, 'ArrowDown');
  assert.equal(await page.inputValue(selector), value);
}
