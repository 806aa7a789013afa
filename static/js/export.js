// An export that says how far it is. Without this the form is a plain download.
on("submit", async (e) => {
  const form = e.target;
  if (!form.matches("[data-export]") || !window.TransformStream) return;
  e.preventDefault();
  const line = $("#export-progress"), cancel = $("#export-cancel"), go = $("#export-go"), stop = new AbortController();
  const asked = new URLSearchParams(new FormData(form));
  let rows = 0;
  const tell = (text) => (line.textContent = text.replace("#", rows.toLocaleString(root.lang)));
  const counts = new TransformStream({
    transform(chunk, to) {
      for (const byte of chunk) if (byte === 10) rows += 1;
      tell(form.dataset.progress);
      to.enqueue(chunk);
    },
  });
  cancel.onclick = () => stop.abort();
  line.hidden = cancel.hidden = false;
  go.disabled = true;
  tell(form.dataset.progress);
  try {
    const answer = await fetch(`${form.getAttribute("action")}?${asked}`, { signal: stop.signal });
    if (!answer.ok) throw new Error(answer.status);
    const href = URL.createObjectURL(await new Response(answer.body.pipeThrough(counts)).blob());
    const download = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition"))?.[1] ?? "";
    Object.assign(document.createElement("a"), { href, download }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60000);
    // one line is no entry: the head of CSV, or the last line of NDJSON
    if (asked.get("format") !== "ocsf") rows -= 1;
    tell(form.dataset.done);
  } catch {
    if (stop.signal.aborted) line.hidden = true; else tell(form.dataset.failed);
  }
  cancel.hidden = true;
  go.disabled = false;
  go.focus();
});
