// Five minutes before the session ends somebody is told, in every tab; one click in one of them is enough.
const warning = $("#session-warning"), sessionKey = `session:${said.me}`;
let told = "";
const session = () => {
  if (!warning || !said.sessionEnd) return;
  const left = Math.ceil((Date.parse(said.sessionEnd) - Date.now()) / 60000), longer = said.sessionExtends === "true";
  const now = left > 5 ? "" : left <= 0 ? "over" : longer ? "soon" : "last";
  warning.hidden = !now;
  $$("[data-when]", warning).forEach((span) => {
    const text = (span.dataset.text ??= span.textContent).replace("#", left);
    span.hidden = span.dataset.when !== now;
    span.textContent = text;
    if (now === span.dataset.when && told !== now) say(text, "#sr-alert");
  });
  $("#session-extend").hidden = now !== "soon";
  const login = $("#session-login");
  login.hidden = now !== "over";
  login.href = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
  told = now;
};
// the moment makes every telling a new one: what stays the same is not told
const tellTabs = (end) => browser.set(sessionKey, { ...end, at: Date.now() });
const endsAt = ({ end, extends: yes }) => { said.sessionEnd = end; said.sessionExtends = yes; session(); };
on("submit", async (e) => {
  if (e.target.id !== "session-form") return;
  e.preventDefault();
  const answer = await post(e.target, e.submitter, { redirect: "manual", headers: { accept: "application/json" } }).catch(() => null);
  if (answer?.ok) {
    const end = await answer.json();
    tellTabs(end);
    endsAt(end);
  } else if (answer) endsAt({ end: new Date().toISOString(), extends: false });
  else say(said.failed, "#sr-alert");
});
if (warning && said.sessionEnd) {
  // this page's visit has made the session younger for all
  tellTabs({ end: said.sessionEnd, extends: said.sessionExtends === "true" });
  addEventListener("storage", (e) => e.key === sessionKey && e.newValue && endsAt(JSON.parse(e.newValue)));
  setInterval(session, 10000);
  on("visibilitychange", session);
  session();
}
