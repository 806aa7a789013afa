// Everything works without this file; it adds live updates, keys, copying and relative times.
(() => {
  const $ = (s, from = document) => from.querySelector(s), $$ = (s, from = document) => [...from.querySelectorAll(s)];
  const on = (type, run, options) => document.addEventListener(type, run, options);
  const say = (text) => { const r = $("#sr-polite"); if (r) { r.textContent = ""; requestAnimationFrame(() => (r.textContent = text)); } };
  const visible = (e) => e.getClientRects().length > 0;

  // ── relative times ──
  const steps = [[60, "second"], [3600, "minute", 60], [86400, "hour", 3600], [86400 * 30, "day", 86400]];
  const words = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });
  const times = () => $$("time[data-relative]").forEach((t) => {
    const away = (new Date(t.dateTime) - Date.now()) / 1000, step = steps.find(([limit]) => Math.abs(away) < limit);
    if (step) t.textContent = step[2] ? words.format(Math.trunc(away / step[2]), step[1]) : words.format(0, "second");
  });
  setInterval(times, 30000);

  // ── live: the server names what changed, the page fetches itself again (hx-trigger="live from:body") ──
  const live = $("#live"), url = document.body.dataset.live;
  let armed = "", source, retry, wait = 1000, lost = false, timer, held = false;
  const since = () => { const s = $("#live-since"); if (s) s.textContent = new Date().toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" }); };
  const show = (state) => { if (live && live.dataset.state !== state) live.dataset.state = state; };
  // rows never move under the pointer or the focus: the change waits behind a button
  const busy = () => { const rows = $("#rows"); return rows && (rows.matches(":hover") || rows.contains(document.activeElement)); };
  const fetchNow = () => { held = false; document.body.dispatchEvent(new CustomEvent("live")); };
  const refresh = (force) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (force || !busy()) return fetchNow();
      held = true;
      const button = $("#fresh");
      if (button && button.hidden) { button.hidden = false; say(button.firstElementChild.nextSibling.textContent); }
    }, 300);
  };
  const heard = (event) => {
    const main = $("#main[data-on]");
    if (!main) return;
    let id = ""; try { id = JSON.parse(event.data).id; } catch { /* an event without an id concerns everyone */ }
    const here = $("[data-request]")?.dataset.request;
    if (main.dataset.on === "inbox" || !id || id === here) refresh();
  };
  const connect = () => {
    clearTimeout(retry);
    if (!url || document.hidden || source) return;
    source = new EventSource(url);
    source.onopen = () => { wait = 1000; show("on"); };
    // the page says up to which change it was drawn; what happened before the stream opened is fetched now
    source.addEventListener("hello", (e) => {
      const { at } = JSON.parse(e.data), body = document.body;
      if (lost || String(at) !== body.dataset.at) { lost = false; body.dataset.at = at; refresh(); }
    });
    source.onerror = () => {
      source.close(); source = null; lost = true; since.done ??= (since(), true); show("off");
      retry = setTimeout(connect, wait * (0.5 + Math.random())); wait = Math.min(wait * 2, 30000);
    };
    for (const name of ["inbox", "request"]) source.addEventListener(name, (e) => { since.done = null; heard(e); });
  };
  // a hidden tab gives its connection back: HTTP/1.1 browsers have six for each host
  on("visibilitychange", () => {
    if (!document.hidden) return connect();
    if (source) { source.close(); source = null; lost = true; }
    clearTimeout(retry);
  });
  addEventListener("pagehide", () => source?.close());
  on("pointerout", (e) => { const rows = $("#rows"); if (held && rows?.contains(e.target) && !rows.contains(e.relatedTarget)) refresh(); });
  // a form somebody has typed into is left alone by the morph
  on("input", (e) => e.target.closest?.("[data-keep]")?.closest("section")?.setAttribute("hx-morph-skip", ""));
  let shownState = $(".request-head .state")?.dataset.state;
  on("htmx:after:swap", () => {
    times();
    mark();
    const state = $(".request-head .state")?.dataset.state, changed = $("#decide[hx-morph-skip] #decide-changed");
    if (state !== shownState && changed) { changed.hidden = false; say(changed.textContent); }
    shownState = state;
  });

  // ── small helpers ──
  on("click", async (e) => {
    const t = e.target.closest?.("[data-copy],[data-fill],[data-open],[data-fresh]");
    if (!e.target.closest?.("details.menu")) $$("details.menu[open]").forEach((d) => (d.open = false));
    if (!t) return;
    if (t.dataset.copy) {
      await navigator.clipboard.writeText(t.dataset.copy);
      const use = $("use", t), was = use.getAttribute("href");
      if (!("done" in t.dataset)) {
        t.dataset.done = ""; use.setAttribute("href", was.replace(/#.*/, "#check"));
        setTimeout(() => { delete t.dataset.done; use.setAttribute("href", was); }, 1500);
      }
      say(document.body.dataset.copied);
    } else if (t.dataset.fill) {
      $("#email").value = t.dataset.fill; $("#password").focus();
    } else if (t.dataset.open) $("#" + t.dataset.open).showModal();
    else refresh(true);
  });
  // a second click must not send a second time; the button's value still travels because the form data is taken first
  on("submit", (e) => {
    if (e.defaultPrevented) return;
    const form = e.target, button = e.submitter;
    if (form.method !== "post") return;
    if (form.dataset.sent) return e.preventDefault();
    form.dataset.sent = "1";
    setTimeout(() => {
      $$("button[type=submit]", form).forEach((b) => (b.disabled = true));
      if (button) { button.setAttribute("aria-busy", "true"); say(document.body.dataset.busy); }
    });
  });
  // back from the cache: the form may be sent again
  addEventListener("pageshow", (e) => {
    if (e.persisted) { $$("form[data-sent]").forEach((f) => { delete f.dataset.sent; $$("button", f).forEach((b) => { b.disabled = false; b.removeAttribute("aria-busy"); }); }); refresh(); connect(); }
  });

  // ── keys ──
  const off = $("#keys-off");
  const quiet = () => { try { return localStorage.getItem("keys") === "off"; } catch { return false; } };
  if (off) { off.checked = quiet(); off.addEventListener("change", () => { try { localStorage.setItem("keys", off.checked ? "off" : "on"); } catch { /* private mode */ } }); }
  // with the Korean layout on, "a" arrives as "ㅁ" or "Process": the physical key decides then
  const letter = (e) => e.key.length === 1 && e.key.charCodeAt(0) < 128 ? e.key.toLowerCase()
    : e.code.startsWith("Key") ? e.code.slice(3).toLowerCase() : e.code === "Slash" ? (e.shiftKey ? "?" : "/") : e.code === "Period" ? "." : e.key;
  const typing = (t) => t.closest?.("input:not([type=checkbox]),textarea,select,[contenteditable]");
  const move = (by) => {
    const rows = $$("a[data-row]").filter(visible);
    if (!rows.length) return;
    const now = rows.findIndex((r) => r === document.activeElement || (document.activeElement === document.body && r.hasAttribute("aria-current")));
    rows[Math.max(0, Math.min(rows.length - 1, now < 0 ? (by > 0 ? 0 : rows.length - 1) : now + by))].focus();
  };
  // remembered here, because a live update redraws the buttons
  const mark = () => $$(".decide-buttons .btn").forEach((b) => b.classList.toggle("armed", b.id === armed));
  const arm = (id) => {
    const button = $("#" + id), reason = $("#decide-reason");
    if (!button || !visible(button)) { const row = document.activeElement; return row?.matches?.("a[data-row]") && row.click(); }
    armed = id; mark();
    reason.focus(); say(button.innerText);
  };
  let first = 0;
  const places = { d: "/", i: "/inbox", l: "/ledger" };
  const keys = {
    j: () => move(1), k: () => move(-1), a: () => arm("approve"), r: () => arm("reject"),
    "?": () => $("#keys")?.showModal(), "/": () => $("[data-search]")?.focus(), ".": () => refresh(true), g: () => (first = Date.now()),
  };
  on("keydown", (e) => {
    const key = letter(e);
    if (e.key === "Escape") $$("details.menu[open]").forEach((d) => { d.open = false; $("summary", d).focus(); });
    if (e.isComposing) return;
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
      const form = e.target.closest?.("form"), button = form && ($(".armed", form) || $("[data-primary]", form));
      if (button) { e.preventDefault(); form.requestSubmit(button); }
      return;
    }
    if (quiet() || e.ctrlKey || e.metaKey || e.altKey || typing(e.target) || $("dialog[open]")) return;
    const place = Date.now() - first < 1200 && places[key];
    if (place) { first = 0; e.preventDefault(); location.assign(place); return; }
    if (keys[key]) { e.preventDefault(); keys[key](); }
  });

  on("DOMContentLoaded", () => { times(); connect(); $("[data-focus]")?.focus(); });
  if (document.readyState !== "loading") { times(); connect(); $("[data-focus]")?.focus(); }
})();
