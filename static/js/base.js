// Everything works without these files: they save reloads, keystrokes and lost words. They share one scope.
const root = document.documentElement, body = document.body, said = body.dataset;
const $ = (s, from = document) => from.querySelector(s), $$ = (s, from = document) => [...from.querySelectorAll(s)];
const on = (type, run, options) => document.addEventListener(type, run, options);
const visible = (e) => e.getClientRects().length > 0;
const later = (run, ms) => { let timer; return (...all) => { clearTimeout(timer); timer = setTimeout(run, ms, ...all); }; };

// A live region speaks when its text changes, so it is emptied first.
const say = (text, region = "#sr-polite") => {
  const r = $(region);
  if (r) { r.textContent = ""; requestAnimationFrame(() => (r.textContent = text)); }
};

// What the browser keeps, as JSON. Private windows and full disks refuse: then nothing is kept, and `set` says so.
const keep = (name) => ({
  get(key) { try { return JSON.parse(window[name].getItem(key)); } catch { return null; } },
  set(key, value) { try { window[name].setItem(key, JSON.stringify(value)); return true; } catch { return false; } },
  remove(key) { try { window[name].removeItem(key); } catch { /* nothing was kept */ } },
  keys(prefix) { try { return Object.keys(window[name]).filter((key) => key.startsWith(prefix)); } catch { return []; } },
});
const browser = keep("localStorage"), tab = keep("sessionStorage");

// What has to be done to a page when it comes, and again to what a swap brought.
const drawn = (run) => { run(); on("htmx:after:swap", run); };

const post = (form, button, options) =>
  fetch(form.getAttribute("action"), { method: "POST", body: new URLSearchParams(new FormData(form, button)), ...options });
