// Relative times grow old while a page is open.
const spans = [[3600, "minute", 60], [86400, "hour", 3600], [86400 * 30, "day", 86400]];
const words = new Intl.RelativeTimeFormat(root.lang, { numeric: "always" });
const ago = (moment) => {
  const away = (new Date(moment) - Date.now()) / 1000, span = spans.find(([limit]) => Math.abs(away) < limit);
  // the server has a word for the first minute, and says dates from a month on
  return span && Math.abs(away) >= 60 && words.format(Math.trunc(away / span[2]), span[1]);
};
// Korean time, as everywhere on the page
const clock = (moment) => new Date(moment).toLocaleTimeString(root.lang, { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Seoul" });
const times = () => $$("time[data-relative]").forEach((t) => {
  const text = ago(t.dateTime);
  if (text && text !== t.textContent) t.textContent = text;
});
setInterval(times, 30000);
drawn(times);
