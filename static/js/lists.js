// Chosen rows outlive search, filters and paging: their ids are kept for each list until they are acted on.
const chosenKey = `chosen:${said.me}:${location.pathname}`;
const chosen = () => new Set(tab.get(chosenKey));
const boxes = () => $$("input[name=id][form=bulk]");
const choose = (changed, yes) => {
  const ids = chosen();
  changed.forEach((box) => (yes ? ids.add(box.value) : ids.delete(box.value)));
  tab.set(chosenKey, [...ids]);
  paintChosen(true);
};
const paintChosen = (loud) => {
  const ids = chosen(), here = boxes(), bar = $("#bulk"), all = $("#choose-all"), number = $("#bulk-count");
  here.forEach((box) => (box.checked = ids.has(box.value)));
  if (all) {
    all.checked = here.length > 0 && here.every((box) => box.checked);
    all.indeterminate = !all.checked && here.some((box) => box.checked);
  }
  if (!bar) return;
  bar.hidden = !ids.size;
  if (!ids.size && $("#bulk-all")) $("#bulk-all").checked = false;
  number.textContent = number.dataset.text.replace("#", ids.size);
  if (loud) say(number.textContent);
};
const decided = $("[data-bulk-done]")?.dataset.bulkDone.split(" ") ?? [];
if (decided.length) tab.keys("chosen:").forEach((key) => tab.set(key, tab.get(key).filter((id) => !decided.includes(id))));
drawn(() => paintChosen());
addEventListener("pageshow", (e) => e.persisted && paintChosen());

let lastBox;
on("click", (e) => {
  if (e.target.id === "bulk-clear") {
    tab.remove(chosenKey);
    paintChosen(true);
    return boxes()[0]?.focus();
  }
  if (e.target.id === "choose-all") return choose(boxes(), e.target.checked);
  if (!e.target.matches?.("input[name=id][form=bulk]")) return;
  // with Shift: everything since the last one
  const here = boxes(), [from, to] = [here.indexOf(lastBox), here.indexOf(e.target)].sort((a, b) => a - b);
  choose(e.shiftKey && from >= 0 ? here.slice(from, to + 1) : [e.target], e.target.checked);
  lastBox = e.target;
});
on("submit", (e) => {
  const form = e.target;
  if (!form.matches("#bulk") || e.defaultPrevented) return;
  $$("[data-away]", form).forEach((field) => field.remove());
  const here = new Set(boxes().map((box) => box.value));
  for (const id of chosen()) {
    if (here.has(id)) continue;
    const field = Object.assign(document.createElement("input"), { type: "hidden", name: "id", value: id });
    field.dataset.away = "";
    form.append(field);
  }
});

// htmx begins a moment after this script; a filter changed before that is sent as the form it is.
on("change", (e) => { const form = e.target.form; if (form?.matches("#filters:not([data-htmx-powered])")) form.submit(); });

// New rows of the same list are tinted for a moment.
let known = null;
drawn(() => {
  const rows = rowsNow(), ids = new Set(rows.map((r) => r.dataset.id)), path = $("#main[data-on]") && location.href;
  if (path && known?.path === path) rows.forEach((r) => r.toggleAttribute("data-new", !known.ids.has(r.dataset.id)));
  known = { path, ids };
});
// A table too wide for its box scrolls in it; only then its head does not stick to the page.
const widths = () => $$(".panel > .data").forEach((table) => {
  const box = table.parentElement;
  box.toggleAttribute("data-wide", table.offsetWidth > box.clientWidth);
});
drawn(widths);
addEventListener("resize", later(widths, 100));
