// Everything from one field: the answers of /search, shown as options; without words what was seen last, and all pages.
const palette = $("#palette"), query = $("#palette-q"), list = $("#palette-list"), recentKey = `recent:${said.me}`;
const make = (tag, set, ...children) => {
  const element = Object.assign(document.createElement(tag), set);
  element.append(...children);
  return element;
};
if (/^\/(requests\/CR-|orgs\/|users\/|ledger\/)[^/]+$/.test(location.pathname) && $("h1") && !$(".failure") && said.me) {
  const seen = { at: Date.now(), href: location.pathname, name: $("h1").textContent, detail: decodeURIComponent(location.pathname.split("/").pop()) };
  browser.set(recentKey, [seen, ...(browser.get(recentKey) ?? []).filter((r) => r.href !== seen.href)].slice(0, 8));
}

const options = () => $$("[role=option]", list);
const pick = (option) => {
  options().forEach((o) => o.setAttribute("aria-selected", o === option));
  if (!option) return query.removeAttribute("aria-activedescendant");
  query.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
};
// `groups`: a name, and links that become options. A link stays a link: it can be opened in a new tab, or dragged.
const fill = (groups) => {
  let number = 0;
  list.replaceChildren(...groups.filter(([, links]) => links.length).map(([name, links], index) => {
    const title = make("p", { className: "palette-group", role: "presentation", id: `palette-group-${index}`, textContent: name });
    links.forEach((link) => {
      link.className = "option plain"; link.id = `option-${number++}`; link.tabIndex = -1;
      link.setAttribute("role", "option");
    });
    const group = make("div", { role: "group" }, title, ...links);
    group.setAttribute("aria-labelledby", title.id);
    return group;
  }));
  pick(options()[0]);
};
const tell = (text) => say(text, "#palette-status");
const entry = ({ href, name, detail }) => make("a", { href }, make("span", { className: "result-name", textContent: name }),
  make("span", { className: "result-detail", textContent: detail ?? "" }));
const start = () => {
  const recent = (browser.get(recentKey) ?? []).filter((r) => r.href !== location.pathname).map(entry);
  const pages = $$("#nav-list .nav-group").map((group) => [$(".nav-title", group).textContent, $$("a", group).map((a) => {
    const link = make("a", { href: a.href }, make("span", { className: "result-name", textContent: $(".nav-text", a).textContent }));
    link.prepend($("svg", a).cloneNode(true));
    return link;
  })]);
  fill([[list.dataset.recent, recent], ...pages]);
  tell("");
};

let asking;
const search = async () => {
  const q = query.value.trim();
  asking?.abort();
  if (!q) return start();
  asking = new AbortController();
  try {
    // said like htmx does, so that a message waiting for the next page waits on
    const answer = await fetch(`/search?q=${encodeURIComponent(q)}`, { signal: asking.signal, headers: { "hx-request": "true" } });
    if (!answer.ok) throw new Error(answer.status);
    const results = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("results");
    fill($$("section", results).map((s) => [$("h2", s).textContent, $$("li a", s).map((a) => document.importNode(a, true))]));
    const { length } = options();
    tell(length ? list.dataset.count.replace("#", length) : list.dataset.empty);
  } catch (problem) {
    if (problem.name !== "AbortError") { fill([]); tell(list.dataset.error); }
  }
};
const openPalette = () => {
  if (!palette || palette.open) return;
  $("dialog[open]")?.close();
  closeMenus();
  query.value = "";
  start();
  palette.showModal();
};
if (palette) {
  query.addEventListener("input", later(search, 120));
  $("#palette-close").addEventListener("click", () => palette.close());
  palette.addEventListener("close", () => asking?.abort());
  palette.addEventListener("keydown", (e) => {
    if (e.isComposing || e.target !== query) return;
    const all = options(), now = all.findIndex((o) => o.ariaSelected === "true"), last = all.length - 1;
    const to = { ArrowDown: now < last ? now + 1 : 0, ArrowUp: now > 0 ? now - 1 : last, Home: 0, End: last }[e.key];
    if (to !== undefined) { e.preventDefault(); pick(all[to]); }
    else if (e.key === "Enter" && all[now]) {
      e.preventDefault();
      if (e.ctrlKey || e.metaKey) open(all[now].href, "_blank", "noopener"); else all[now].click();
    }
  });
  list.addEventListener("pointermove", (e) => {
    const option = e.target.closest("[role=option]");
    if (option && option.ariaSelected !== "true") pick(option);
  });
  on("click", (e) => {
    if (!e.target.closest?.("[data-open-palette]") || e.ctrlKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    openPalette();
  });
  if (/Mac|iPhone|iPad/.test(navigator.platform)) $$("#find .kbd").forEach((k) => (k.textContent = "⌘ K"));
}
