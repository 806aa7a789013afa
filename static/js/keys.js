// Keys: each has a visible control, and one key alone never decides.
const off = $("#keys-off");
const quiet = () => browser.get("keys") === "off";
if (off) { off.checked = quiet(); off.addEventListener("change", () => browser.set("keys", off.checked ? "off" : "on")); }
// with the Korean layout on, "a" arrives as "ㅁ" or "Process": the physical key decides then
const letter = ({ key, code, shiftKey }) => key.length === 1 && key.charCodeAt(0) < 128 ? key.toLowerCase()
  : code.startsWith("Key") ? code.slice(3).toLowerCase() : { Slash: shiftKey ? "?" : "/", Period: "." }[code] ?? key;
const typing = (t) => t.closest?.("input:not([type=checkbox],[type=radio]),textarea,select,[contenteditable]");

const links = () => $$("a[data-row]").filter(visible);
const focused = () => {
  const row = document.activeElement.closest("tr,li"), here = document.activeElement;
  return links().find((link) => link === here || row?.contains(link) || (here === body && link.hasAttribute("aria-current")));
};
const move = (by) => {
  const all = links(), now = all.indexOf(focused());
  const next = all[Math.max(0, Math.min(all.length - 1, now < 0 ? (by > 0 ? 0 : all.length - 1) : now + by))];
  next?.focus();
  return next;
};
const boxOf = (link) => link?.closest("tr") && $("input[name=id]", link.closest("tr"));
const extend = (by) => choose([focused(), move(by)].map(boxOf).filter(Boolean), true);
const idHere = () => focused()?.closest("[data-id]")?.dataset.id ?? $("[data-request]")?.dataset.request
  ?? $("main .copy [data-copy]")?.dataset.copy;
const linkHere = () => {
  const row = focused()?.closest("tr,li");
  // the row's own page, not the list with the row beside it
  return row ? ($(".row-link.narrow", row) ?? $("a[data-row]", row)).href : location.href;
};
const openIn = (menu, field) => { if ($(menu)) { $(menu).open = true; $(field).focus(); } };

// remembered here, because a live update redraws the buttons
let armed = "";
const mark = () => {
  $$(".decide-buttons .btn").forEach((b) => b.classList.toggle("armed", b.id === armed));
  $$("[data-arm]").forEach((a) => a.classList.toggle("armed", a.dataset.arm === armed));
  const note = $("#armed-note");
  if (note) { note.hidden = !armed; note.textContent = note.dataset[armed] ?? ""; }
};
on("htmx:after:swap", mark);
const arm = (id) => {
  const button = $("#" + id);
  if (!button || !visible(button)) { const row = document.activeElement; return row.matches("a[data-row]") && row.click(); }
  armed = id; mark();
  const reason = $("#decide-reason");
  reason.focus(); reason.setSelectionRange(reason.value.length, reason.value.length);
  button.scrollIntoView({ block: "nearest" });
  say($("#armed-note").textContent);
};
// the bar at the thumb: the first tap opens the reason, the second decides
on("click", (e) => {
  const id = e.target.closest?.("[data-arm]")?.dataset.arm, button = id && $("#" + id);
  if (!button) return;
  e.preventDefault();
  if (armed === id) button.form.requestSubmit(button); else arm(id);
});
const another = () => {
  const all = $$(".diff-form button"), now = all.findIndex((b) => b.ariaPressed === "true");
  all[(now + 1) % all.length]?.click();
};
const raw = () => {
  const details = $("#raw");
  if (!details) return;
  details.open = !details.open;
  details.scrollIntoView({ block: "nearest" });
};

let first = 0;
const places = { d: "/", i: "/inbox", c: "/orgs", u: "/users", l: "/ledger" };
const keys = {
  j: () => move(1), k: () => move(-1), J: () => extend(1), K: () => extend(-1), x: () => boxOf(focused())?.click(),
  y: () => copy(linkHere()), Y: () => idHere() && copy(idHere()),
  l: () => $("#filters :is(select,input:not([type=hidden],[data-search]))")?.focus(), s: () => openIn("#views", "#view-name"),
  e: () => $("#export")?.click(), a: () => arm("approve"), r: () => arm("reject"), v: raw, d: another,
  n: () => $("#older")?.click(), p: () => $("#newer")?.click(), u: () => $("#undo,#unvote")?.click(),
  "/": () => { const field = $("[data-search]"); if (field) field.focus(); else openPalette(); },
  "?": () => $("#keys")?.showModal(), ".": () => refresh(true), g: () => (first = Date.now()),
};
on("keydown", (e) => {
  // a browser that fills in a form sends keys without a name
  if (e.isComposing || !e.key) return;
  const key = letter(e), command = e.ctrlKey || e.metaKey;
  if (command && key === "k" && !e.altKey && !e.shiftKey) { e.preventDefault(); return openPalette(); }
  if (e.key === "Enter" && command) {
    const form = e.target.closest?.("form"), button = form && ($(".armed", form) || $("[data-primary]", form));
    if (button) { e.preventDefault(); form.requestSubmit(button); }
    return;
  }
  if (key === "Escape" && armed) { armed = ""; mark(); document.activeElement.blur(); return; }
  if (key === "Escape" && e.target.closest?.("#filters")) { ($("a[data-row]") ?? e.target).focus(); return; }
  if (!said.me || quiet() || command || e.altKey || typing(e.target) || $("dialog[open]")) return;
  const place = Date.now() - first < 1200 && places[key];
  if (place) { first = 0; e.preventDefault(); return location.assign(place); }
  const arrow = document.activeElement.matches("a[data-row]") && { ArrowDown: 1, ArrowUp: -1 }[e.key];
  const run = arrow ? () => move(arrow) : keys[e.shiftKey && /^[a-z]$/.test(key) ? key.toUpperCase() : key];
  if (run) { e.preventDefault(); run(); }
});

$("[data-focus]")?.focus();

// sorting and paging are new pages: the focus stays where it was; beside a list, the keys go on from the row that is open
on("click", (e) => { const link = e.target.closest?.(".sort,#next,#previous"); if (link) tab.set("focus", link.id); });
// after a decision: the way to the next one, or the row that took the decided one's place
on("submit", (e) => {
  if (e.target.id !== "decide-form" || e.defaultPrevented) return;
  const row = links().findIndex((link) => link.hasAttribute("aria-current"));
  if (row < 0) tab.set("focus", "older"); else tab.set("row", row);
});
const left = tab.get("focus"), gone = tab.get("row");
tab.remove("focus");
tab.remove("row");
if (gone !== null && !$("[data-focus]") && links().length && !links().some((link) => link.hasAttribute("aria-current")))
  links()[Math.min(gone, links().length - 1)].focus();
else if (left && !$("[data-focus]") && document.getElementById(left)) document.getElementById(left).focus({ preventScroll: true });
else if (!$("[data-focus]") && !location.hash) links().find((link) => link.hasAttribute("aria-current"))?.focus({ preventScroll: true });
