// How pages look changes in place; the server learns it on the side. The language needs a new page.
const looks = {
  theme(value) {
    root.dataset.theme = value;
    root.classList.toggle("dark", value === "dark" || (value === "system" && matchMedia("(prefers-color-scheme: dark)").matches));
  },
  density(value) { root.dataset.density = value; },
  // drawn by the server; a page that follows what happens has it in a moment
  diff() {},
  nav(value, button) {
    root.dataset.nav = value;
    button.value = value === "folded" ? "open" : "folded";
    button.setAttribute("aria-pressed", value === "folded");
  },
};
on("submit", async (e) => {
  const form = e.target, name = form.dataset.preference, button = e.submitter;
  if (!name || !button || "plain" in form.dataset) return;
  e.preventDefault();
  // taken before the button changes; the answer is a redirect that nobody needs to follow
  const sent = post(form, button, { redirect: "manual" });
  if (name === "lang") { saveDrafts(); leaving = true; }
  else {
    looks[name](button.value, button);
    if (form.matches(".segments")) $$("button", form).forEach((b) => b.setAttribute("aria-pressed", b === button));
  }
  const done = await sent.then((r) => r.ok || r.type === "opaqueredirect", () => false);
  // asked for again rather than reloaded: the page may be the answer to a form, and then it says where to go back
  const { pathname, search } = location, back = form.elements.back.value;
  if (done && name === "diff" && $("#main[data-on]")) return refresh(true);
  if (done) return ["lang", "diff"].includes(name) && location.replace(back.split("?")[0] === pathname ? pathname + search : back);
  form.dataset.plain = "";
  form.requestSubmit(button);
});
