// The colours of static/css/tokens.css against each other, without a browser: contrast as WCAG 2.2 counts it (1.4.3, 1.4.11), and whether
// people who cannot tell red from green can still tell the states apart. axe sees only what a page happens to show; this sees all of it.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

const css = await readFile(new URL('../../static/css/tokens.css', import.meta.url), 'utf8');
const light = colours(':root'), dark = colours('.dark');
const themes = { light, dark: { ...light, ...dark } };

const text = 4.5, graphic = 3; // the ratios that WCAG asks for
const surfaces = ['c-canvas', 'c-subtle', 'c-inset', 'c-raised', 'c-selected', 'c-accent-soft'];
const states = ['pending', 'approved', 'denied', 'expired', 'executing', 'succeeded', 'failed', 'unknown'];
const series = [1, 2, 3, 4, 5, 6].map((number) => `ch-${number}`);
/** OKLab distance ×100 below which two solid marks of different states look the same. */
const apart = 7;
/** How linear light looks without green-sensitive and without red-sensitive cones: Machado, Oliveira and Fernandes 2009, severity 1. */
const visions = {
  'all colours': [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
};

test('dark names every colour that light names', () => {
  assert.deepEqual(Object.keys(light).filter((name) => !(name in dark)), []);
});

for (const [theme, tokens] of Object.entries(themes)) {
  describe(theme, () => {
    ratios('text on every surface', ['c-fg', 'c-muted', 'c-faint', 'c-link'], surfaces, text);
    ratios('text on the accent, also under the pointer', ['c-on-accent'], ['c-accent', 'c-accent-hover'], text);
    ratios('edges of controls and the focus ring', ['c-control', 'c-focus'], surfaces, graphic);
    ratios('the accent as a mark', ['c-accent'], ['c-canvas', 'c-subtle'], graphic);
    ratios('states, as text', states, (state) => [`${state}-soft`, 'c-canvas', 'c-subtle', 'c-raised', 'c-selected'], text);
    ratios('states, as marks', states.map((state) => `${state}-solid`), (mark) => [mark.replace('solid', 'soft'), 'c-canvas', 'c-raised'], graphic);
    for (const side of ['add', 'del']) ratios(`${side}: the line and the words that changed`, [side, 'c-fg'], [`${side}-soft`, `${side}-word`], text);
    ratios('chart series', series, ['c-canvas', 'c-raised'], graphic);

    for (const [vision, matrix] of Object.entries(visions)) {
      test(`states are told apart by their marks: ${vision}`, (t) => {
        const [worst] = distances(tokens, states.map((state) => `${state}-solid`), matrix);
        t.diagnostic(`${theme}, ${vision}: closest states ${worst.pair}, ${worst.distance.toFixed(1)} (at least ${apart})`);
        // series also differ by dash and by the label at their end, so this one is only told
        const [near] = distances(tokens, series.filter((name) => name in tokens), matrix);
        if (near) t.diagnostic(`${theme}, ${vision}: closest series ${near.pair}, ${near.distance.toFixed(1)}`);
        assert.ok(worst.distance >= apart, `${worst.pair} are ${worst.distance.toFixed(1)} apart, want ${apart}`);
      });
    }

    /** Each of the colours on each of the grounds; prints the three pairs that come closest to the limit. */
    function ratios(name, colours, grounds, wanted) {
      test(name, (t) => {
        const pairs = colours.flatMap((colour) => (typeof grounds === 'function' ? grounds(colour) : grounds).map((ground) => ({ colour, ground })));
        const missing = [...new Set(pairs.flatMap(({ colour, ground }) => [colour, ground]))].filter((token) => !(token in tokens));
        assert.deepEqual(missing, [], 'colours that tokens.css lacks');
        for (const pair of pairs) pair.ratio = contrast(tokens[pair.colour], tokens[pair.ground]);
        pairs.sort((a, b) => a.ratio - b.ratio);
        const tell = ({ colour, ground, ratio }) => `${colour.replace(/^c-/, '')} on ${ground.replace(/^c-/, '')} ${ratio.toFixed(2)}`;
        t.diagnostic(`${theme}, ≥ ${wanted}: ${pairs.slice(0, 3).map(tell).join(', ')} (of ${pairs.length})`);
        assert.deepEqual(pairs.filter(({ ratio }) => ratio < wanted).map(tell), [], `less than ${wanted}`);
      });
    }
  });
}

/** Name → linear red, green, blue, of the hexadecimal colours in the rule with this selector. */
function colours(selector) {
  const rules = css.replace(/\/\*.*?\*\//gs, '').split('}');
  // the last selector before the rule's own brace: it may stand inside a media query
  const rule = rules.find((part) => part.split('{').at(-2)?.trim() === selector) ?? assert.fail(`tokens.css has no ${selector}`);
  return Object.fromEntries([...rule.matchAll(/--([\w-]+):\s*#([0-9a-f]{3}|[0-9a-f]{6})\b/gi)].map(([, name, hex]) => [name, linear(hex)]));
}

function linear(hex) {
  const full = hex.length === 3 ? hex.replace(/./g, '$&$&') : hex;
  const parts = [0, 2, 4].map((at) => Number.parseInt(full.slice(at, at + 2), 16) / 255);
  return parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
}

function contrast(one, other) {
  const [darker, lighter] = [one, other].map(([red, green, blue]) => 0.2126 * red + 0.7152 * green + 0.0722 * blue).sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

/** Every pair, the closest first. */
function distances(tokens, names, matrix) {
  const seen = names.map((name) => ({ name, at: oklab(times(matrix, tokens[name])) }));
  return seen
    .flatMap((one, index) => seen.slice(index + 1).map((other) => ({
      pair: `${one.name} and ${other.name}`,
      distance: 100 * Math.hypot(...one.at.map((part, axis) => part - other.at[axis])),
    })))
    .sort((a, b) => a.distance - b.distance);
}

function times(matrix, vector) {
  return matrix.map((row) => row.reduce((sum, factor, at) => sum + factor * vector[at], 0));
}

/** Björn Ottosson's colour space, in which distance is about what eyes make of it. */
function oklab(rgb) {
  const cones = times([
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
  ], rgb);
  return times([
    [0.2104542553, 0.793617785, -0.0040720468],
    [1.9779984951, -2.428592205, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.808675766],
  ], cones.map((cone) => Math.cbrt(Math.max(cone, 0))));
}
