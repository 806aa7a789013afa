// Small buttons that need a script: copy, open, show what is new. And menus that close when one looks elsewhere.
const copy = async (text) => { await navigator.clipboard.writeText(text); say(said.copied); };
const ticked = (button) => {
  const use = $("use", button), was = use.getAttribute("href");
  if ("done" in button.dataset) return;
  button.dataset.done = ""; use.setAttribute("href", was.replace(/#.*/, "#check"));
  setTimeout(() => { delete button.dataset.done; use.setAttribute("href", was); }, 1500);
};
const closeMenus = (but) => $$("details.menu[open]").forEach((d) => { if (d !== but) d.open = false; });
on("click", (e) => {
  const t = e.target.closest?.("[data-copy],[data-open],[data-fresh]");
  closeMenus(e.target.closest?.("details.menu"));
  if (!t) return;
  if (t.dataset.copy) copy(t.dataset.copy).then(() => ticked(t));
  else if (t.dataset.open) { closeMenus(); document.getElementById(t.dataset.open).showModal(); }
  else refresh(true);
});
on("focusout", (e) => {
  const menu = e.target.closest?.("details.menu[open]");
  if (menu && e.relatedTarget && !menu.contains(e.relatedTarget)) menu.open = false;
});
on("keydown", (e) => {
  if (e.key !== "Escape" || e.isComposing) return;
  $$("details.menu[open]").forEach((d) => { if (d.contains(document.activeElement)) $("summary", d).focus(); d.open = false; });
});
// a click on the veil closes what lies over it
on("click", (e) => e.target.matches?.("dialog[open]") && e.target.close());
