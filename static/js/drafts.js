// What somebody types outlives a reload, a lost session and a change of language: `draft:<who>:<form>` in this browser.
const draftOf = (form) => `draft:${said.me}:${form.dataset.draft}`;
const week = 7 * 86400e3;
let unsaved = false, leaving = false;

// Never what is hidden or secret: tokens belong to the page, passwords to nobody.
const typed = "textarea,select,input:not([type=hidden],[type=password],[type=file],[type=submit])";
const written = (form) => [...form.elements].filter((f) => f.name && f.matches(typed));
const ticks = (f) => f.type === "checkbox" || f.type === "radio";
const named = (f) => (ticks(f) ? `${f.name}=${f.value}` : f.name);
const value = (f) => (ticks(f) ? f.checked : f.value);
const original = (f) => ticks(f) ? f.defaultChecked
  : f.localName === "select" ? ($$("option", f).find((o) => o.defaultSelected) ?? f.options[0])?.value : f.defaultValue;
const dirty = (form) => written(form).some((f) => value(f) !== original(f));

const pairs = (fields, of) => Object.fromEntries(fields.map((f) => [named(f), of(f)]));
const saveDraft = (form, sent = false) => {
  const fields = pairs(written(form).filter((f) => value(f) !== original(f)), value), base = pairs(written(form), original);
  if (Object.keys(fields).length) unsaved = !browser.set(draftOf(form), { at: Date.now(), fields, base, sent });
  else browser.remove(draftOf(form));
};
const saveDrafts = () => $$("form[data-draft]").forEach((form) => dirty(form) && saveDraft(form));
const saveSoon = later((form) => leaving || saveDraft(form), 300);
on("input", (e) => { const form = e.target.form; if (form?.dataset.draft) saveSoon(form); });

// counters and the guard against the morph want to know
const changed = (f) => f.dispatchEvent(new Event("input", { bubbles: true }));
const note = (form, shown) => {
  const element = $("[data-draft-note]", form);
  if (!element) return;
  element.hidden = !shown;
};
const restore = (form, { fields, base = {} }) => {
  // a form that comes filled in with something else is about somebody else: the draft is not for it
  const fits = (f) => ticks(f) || value(f) === "" || [fields[named(f)], base[named(f)]].includes(value(f));
  if (!written(form).every(fits)) return;
  const back = written(form).filter((f) => {
    const kept = fields[named(f)];
    if (kept === undefined || value(f) === kept) return false;
    if (ticks(f)) f.checked = kept; else f.value = kept;
    return true;
  });
  if (!back.length) return;
  note(form, true);
  say(said.draft);
  back.forEach(changed);
};
on("click", (e) => {
  const form = e.target.closest?.("[data-draft-discard]")?.closest("form");
  if (!form) return;
  form.reset();
  browser.remove(draftOf(form));
  note(form, false);
  written(form).forEach(changed);
  written(form)[0]?.focus();
});

// A sent form keeps its draft until a later page shows that it arrived: one that has not the form any more, nor a failure.
on("submit", (e) => {
  const form = e.target, key = draftOf(form);
  if (e.defaultPrevented) return;
  leaving = true;
  // the check of what was typed has nothing to type in: its draft is the one before it
  const before = form.dataset.draft && browser.get(key);
  if (form.dataset.draft && dirty(form)) saveDraft(form, true);
  else if (before) browser.set(key, { ...before, sent: true });
  if (!("forget" in form.dataset)) return;
  [`draft:${said.me}:`, `recent:${said.me}`].flatMap(browser.keys).forEach(browser.remove);
  tab.keys("chosen:").forEach(tab.remove);
});
addEventListener("beforeunload", (e) => {
  if (!leaving && $$("form[data-draft]").some((form) => unsaved && dirty(form))) e.preventDefault();
});
addEventListener("pagehide", () => leaving || saveDrafts());
addEventListener("pageshow", () => (leaving = false));

browser.keys("draft:").forEach((key) => {
  const draft = browser.get(key), form = $$("form[data-draft]").find((f) => draftOf(f) === key);
  const arrived = draft?.sent && said.me && key.startsWith(`draft:${said.me}:`) && !form && !$(".failure");
  if (!draft || arrived || Date.now() - draft.at > week) return browser.remove(key);
  if (draft.sent) browser.set(key, { ...draft, sent: false });
  if (form) restore(form, draft);
});
// what was looked at is remembered no longer than what was typed
browser.keys("recent:").forEach((key) => browser.set(key, (browser.get(key) ?? []).filter((seen) => Date.now() - seen.at < week)));
