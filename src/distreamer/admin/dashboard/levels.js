// Level meters, where the instance measures its audio; nothing where it does not.

import { keep, made, part, say, set, show } from "./dom.js";
import { whole } from "./words.js";

const LOWEST_DBFS = -60;
const SILENT_SECONDS = 3;

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const place = (dbfs) => `${(100 * (1 - Math.min(Math.max(dbfs / LOWEST_DBFS, 0), 1))).toFixed(1)}%`;

export function drawLevels(box, levels) {
  const channels = [["Left", levels?.left_dbfs], ["Right", levels?.right_dbfs]].filter(([, dbfs]) => isNumber(dbfs));
  show(box, Boolean(levels));
  if (!levels) return;
  if (!box.firstElementChild) box.append(made("ul", { "data-part": "meters" }), made("p", { class: "soft", "data-part": "level-words" }));
  keep(part(box, "meters"), channels, ([name]) => name, makeMeter, (element, [, dbfs]) => {
    const bounded = Math.max(dbfs, LOWEST_DBFS);
    const meter = part(element, "meter");
    set(meter, "aria-valuenow", bounded.toFixed(0));
    set(meter, "aria-valuetext", `${bounded.toFixed(0)} decibels`);
    meter.style.setProperty("--level", place(bounded));
    meter.style.setProperty("--peak", isNumber(levels.peak_dbfs) ? place(levels.peak_dbfs) : place(bounded));
    say(part(element, "dbfs"), dbfs <= LOWEST_DBFS ? "silent" : `${dbfs.toFixed(0).replace("-", "−")}\u00a0dB`);
  });
  say(part(box, "level-words"), words(levels, channels.length > 0));
}

function words(levels, isMeasured) {
  const silent = isNumber(levels.silent_seconds) ? levels.silent_seconds : 0;
  const parts = [];
  if (silent >= SILENT_SECONDS) parts.push(`Silent for ${whole(silent)}.`);
  else if (!isMeasured) parts.push("There is sound; nobody knows how loud it is.");
  if (isMeasured && levels.method === "estimated") parts.push("A rough estimate.");
  return parts.join(" ");
}

function makeMeter([name]) {
  const bounds = { role: "meter", "aria-label": `Level, ${name.toLowerCase()}`, "aria-valuemin": LOWEST_DBFS, "aria-valuemax": 0, "aria-valuenow": LOWEST_DBFS };
  return made(
    "li",
    {},
    made("span", { "aria-hidden": "true" }, name),
    made("div", { class: "meter", "data-part": "meter", ...bounds }, made("b"), made("i")),
    made("span", { "data-part": "dbfs", "aria-hidden": "true" }),
  );
}
