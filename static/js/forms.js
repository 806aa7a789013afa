// A second click must not send a second time; the button's value still travels because the form data is taken first.
on("submit", (e) => {
  const form = e.target, button = e.submitter;
  if (e.defaultPrevented || form.getAttribute("method") !== "post") return;
  if (form.dataset.sent) return e.preventDefault();
  form.dataset.sent = "1";
  setTimeout(() => {
    $$("button[type=submit]", form).forEach((b) => (b.disabled = true));
    if (button) { button.setAttribute("aria-busy", "true"); say(said.busy); }
  });
});
// back from the cache: the form may be sent again
addEventListener("pageshow", (e) => e.persisted && $$("form[data-sent]").forEach((form) => {
  delete form.dataset.sent;
  $$("button", form).forEach((b) => { b.disabled = false; b.removeAttribute("aria-busy"); });
}));

// Letters left, for the eye always and for the ear near the end.
const sayLength = later(say, 1000);
const count = (counter, loud) => {
  const field = document.getElementById(counter.dataset.for), max = field?.maxLength;
  if (!(max > 0)) return;
  const text = `${field.value.length} / ${max}`, near = field.value.length > max * 0.9;
  if (counter.textContent !== text) counter.textContent = text;
  counter.toggleAttribute("data-near", near);
  if (near && loud) sayLength(text);
};
drawn(() => $$("[data-counter]").forEach((c) => count(c)));
on("input", (e) => { const c = e.target.id && $(`[data-counter][data-for="${e.target.id}"]`); if (c) count(c, true); });

on("click", (e) => {
  const t = e.target.closest?.("[data-fill]");
  if (t) { $("#email").value = t.dataset.fill; $("#password").focus(); }
});
