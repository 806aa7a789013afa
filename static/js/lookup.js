// An id is found by name: what is typed into a field with a list of its own is asked of that list, and its rows are offered.
const offer = later(async (field) => {
  const typed = field.value.trim();
  if (typed.length < 2) return;
  try {
    const answer = await fetch(`${field.dataset.lookup}?${new URLSearchParams({ q: typed })}`, { headers: { "hx-request": "true" } });
    const rows = $$("tr[data-id]", new DOMParser().parseFromString(await answer.text(), "text/html")).slice(0, 12);
    field.list?.replaceChildren(...rows.map((row) => {
      const option = document.createElement("option");
      option.value = row.dataset.id;
      option.label = [$("a[data-row]", row), ...$$("td:not(.choose, .nil)", row)].map((cell) => cell.textContent.trim()).join(" · ");
      return option;
    }));
  } catch { /* the field takes what is typed, and the link beside it opens the list */ }
}, 200);
on("input", (e) => e.target.matches?.("[data-lookup]") && offer(e.target));
