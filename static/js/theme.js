// runs before the first paint, so "system" never flashes the wrong theme
(() => {
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => root.dataset.theme === "system" && root.classList.toggle("dark", dark.matches);
  apply();
  dark.addEventListener("change", apply);
  root.classList.add("js");
})();
