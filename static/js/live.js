// The server names what changed, the page fetches itself again (hx-trigger="live from:body").
const live = $("#live"), stream = said.live;
let source, retry, wait = 1000, lost = false, held = false, aside = false, current = 0;

// Since when the screen is what it is: a page that follows was right until the line broke, any other when it was drawn.
const since = () => {
  const time = $("#live-since"), at = current || Date.parse($("#main").dataset.drawn);
  if (!time || live.dataset.state !== "off" || !at) return;
  time.dateTime = new Date(at).toISOString();
  const age = ago(at);
  time.textContent = age ? `${clock(at)} (${age})` : clock(at);
  live.toggleAttribute("data-stale", Date.now() - at > 60000);
};
setInterval(since, 10000);
const show = (state) => {
  if (!live || live.dataset.state === state) return;
  if (live.dataset.state === "on" && state === "off") current = held || !$("#main[data-on]") ? 0 : Date.now();
  if (state === "on") { current = 0; live.removeAttribute("data-stale"); }
  live.dataset.state = state;
  since();
};

// Rows never move under the pointer or the focus: the change waits behind a button.
const busy = () => { const rows = $("#rows"); return rows && (rows.matches(":hover") || rows.contains(document.activeElement)); };
const fetchNow = () => { held = false; body.dispatchEvent(new CustomEvent("live")); };
const refreshSoon = later(() => {
  if (!busy()) return fetchNow();
  held = true;
  // the rows wait while somebody is at them; what is read beside them does not
  if (aside && $("#side"))
    htmx.ajax("GET", location.pathname + location.search, { target: "#side", select: "#side", swap: "outerMorph", headers: { "x-follows": "1" } });
  aside = false;
  const button = $("#fresh");
  if (button?.hidden) { button.hidden = false; say(button.firstElementChild.nextSibling.textContent); }
}, 300);
// asked for: at once
const refresh = (asked) => (asked ? fetchNow() : refreshSoon());
const heard = (event) => {
  const main = $("#main[data-on]");
  if (!main) return;
  let id = ""; try { id = JSON.parse(event.data).id; } catch { /* an event without an id concerns everyone */ }
  aside ||= !id || id === $("#side [data-request]")?.dataset.request;
  if (main.dataset.on === "inbox" || !id || id === $("[data-request]")?.dataset.request) refresh();
};
const hangUp = () => { source?.close(); source = null; lost = true; };
const connect = () => {
  clearTimeout(retry);
  if (!stream || document.hidden || source) return;
  source = new EventSource(stream);
  source.onopen = () => { wait = 1000; show("on"); };
  // the page says up to which change it was drawn; what happened before the stream opened is fetched now
  source.addEventListener("hello", (e) => {
    const { at } = JSON.parse(e.data);
    if (lost || String(at) !== said.at) { lost = false; said.at = at; aside = true; refresh(); }
  });
  source.onerror = () => {
    hangUp(); show("off");
    retry = setTimeout(connect, wait * (0.5 + Math.random())); wait = Math.min(wait * 2, 30000);
  };
  for (const name of ["inbox", "request"]) source.addEventListener(name, heard);
};
// a hidden tab gives its connection back: HTTP/1.1 browsers have six for each host
on("visibilitychange", () => {
  if (!document.hidden) return connect();
  if (source) hangUp();
  clearTimeout(retry);
});
addEventListener("pagehide", () => source?.close());
on("pointerout", (e) => {
  const rows = $("#rows");
  if (held && rows?.contains(e.target) && !rows.contains(e.relatedTarget)) refresh();
});

// A form somebody has typed into is left alone by the morph.
on("input", (e) => e.target.closest?.("[data-keep]")?.closest("section")?.setAttribute("hx-morph-skip", ""));
const stateNow = () => $(".request-head .state")?.dataset.state;
let stateShown = stateNow();
on("htmx:after:swap", () => {
  const state = stateNow(), changed = $("#decide[hx-morph-skip] #decide-changed");
  if (state !== stateShown && changed) { changed.hidden = false; say(changed.textContent); }
  stateShown = state;
});

// What was open stays open, and a row that leaves hands the focus to its neighbour.
let opened = [], row = -1;
const rowsNow = () => $$("#rows tr[data-id]");
on("htmx:before:swap", () => {
  opened = $$("#main details[open][id]").map((d) => d.id);
  row = rowsNow().indexOf(document.activeElement?.closest("tr[data-id]"));
});
on("htmx:after:swap", () => {
  opened.forEach((id) => { const d = document.getElementById(id); if (d) d.open = true; });
  if (row < 0 || document.activeElement !== body) return;
  const rows = rowsNow(), next = rows[Math.min(row, rows.length - 1)];
  (next ? $$("a[data-row]", next).find(visible) : $("#main"))?.focus();
});

// What cannot be fetched is said where it would have been; the next success takes it back.
const failed = (yes) => {
  const note = $("#list-error");
  if (note) note.hidden = !yes;
  if (yes) say(note ? $("span", note).textContent : said.failed);
};
on("htmx:response:error", (e) => e.detail.ctx.response.status !== 401 && failed(true));
on("htmx:error", () => failed(true));
on("htmx:after:swap", () => failed(false));

connect();
addEventListener("pageshow", (e) => { if (e.persisted) { refresh(); connect(); } });
