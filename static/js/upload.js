// Files, chosen or dropped: each goes alone, in turn, and its row says how far it is. Without this the form sends them all at once.
const uploads = (form) => {
  const input = $("input[type=file]", form), template = $("template", form), rows = $("[data-rows]", form), waiting = [];
  let running;
  const set = (row, state, text = form.dataset[state] ?? "") => {
    row.dataset.state = state;
    $("[data-status]", row).textContent = text;
    $("[data-cancel]", row).hidden = !["queued", "sending"].includes(state);
    $("[data-retry]", row).hidden = !["failed", "cancelled"].includes(state);
    if (!["queued", "sending"].includes(state)) say(`${$("[data-name]", row).textContent} ${text}`);
  };
  const queue = (row) => { set(row, "queued"); waiting.push(row); next(); };
  const next = () => {
    const row = !running && waiting.shift();
    if (!row) return;
    const request = running = row.request = new XMLHttpRequest(), bar = $("progress", row), data = new FormData();
    const done = (state, text) => { running = row.request = null; set(row, state, text); next(); };
    data.append("csrf", form.elements.csrf.value);
    data.append("file", row.file);
    request.upload.onprogress = ({ loaded, total }) => {
      const part = Math.floor((loaded / total) * 100);
      bar.value = part;
      set(row, "sending", `${part}%`);
    };
    request.upload.onload = () => { bar.value = 100; set(row, "verifying"); };
    request.onload = () => {
      let answer; try { answer = JSON.parse(request.responseText); } catch { /* not ours: a failure */ }
      if (request.status >= 300 || !answer) return done("failed");
      $("[data-hash]", row).textContent = answer.sha256.slice(0, 12);
      done(answer.duplicate ? "duplicate" : "done");
    };
    request.onerror = () => done("failed");
    request.onabort = () => done("cancelled");
    request.open("POST", form.action);
    request.setRequestHeader("accept", "application/json");
    set(row, "sending", "0%");
    request.send(data);
  };
  const add = (files) => [...files].forEach((file) => {
    const row = template.content.firstElementChild.cloneNode(true);
    row.file = file;
    $("[data-name]", row).textContent = file.name;
    rows.append(row);
    queue(row);
  });
  input.addEventListener("change", () => { add(input.files); input.value = ""; });
  form.addEventListener("submit", (e) => e.preventDefault());
  form.addEventListener("dragover", (e) => { e.preventDefault(); form.dataset.over = ""; });
  form.addEventListener("dragleave", (e) => { if (!form.contains(e.relatedTarget)) delete form.dataset.over; });
  form.addEventListener("drop", (e) => { e.preventDefault(); delete form.dataset.over; add(e.dataTransfer.files); });
  rows.addEventListener("click", (e) => {
    const row = e.target.closest("[data-state]");
    if (e.target.closest("[data-retry]")) queue(row);
    else if (!e.target.closest("[data-cancel]")) return;
    else if (row.request) row.request.abort();
    else { waiting.splice(waiting.indexOf(row), 1); set(row, "cancelled"); }
  });
};
$$("form[data-upload]").forEach(uploads);
