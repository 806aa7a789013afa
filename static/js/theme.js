// runs before the first paint, so "system" never flashes the wrong theme
(() => {
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => root.dataset.theme === "system" && root.classList.toggle("dark", dark.matches);
  apply();
  dark.addEventListener("change", apply);
  root.classList.add("js");
  // without the large script the page must offer again what works without it
  addEventListener("error", (e) => e.target.localName === "script" && root.classList.remove("js"), true);
})();
