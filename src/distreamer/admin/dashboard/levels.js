// Level meters, where the instance measures its audio; nothing where it does not.

import { keep, made, part, say, set, show } from "./dom.js";
import { whole } from "./words.js";

const LOWEST_DBFS = -60;
const MARKS_DBFS = [LOWEST_DBFS, -40, -20, 0];
const SILENT_SECONDS = 3;

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const place = (dbfs) => `${(100 * (1 - Math.min(Math.max(dbfs / LOWEST_DBFS, 0), 1))).toFixed(1)}%`;

const bare = (dbfs) => String(Math.round(dbfs) || 0).replace("-", "−");
const decibels = (dbfs) => `${bare(dbfs)}\u00a0dB`;
const hasPeak = (levels) => isNumber(levels.peak_dbfs) && levels.peak_dbfs > LOWEST_DBFS;

// `isPlayed`: they are of what listeners hear, and not of what comes in.
export function drawLevels(box, levels, isPlayed) {
  const channels = [["Left", levels?.left_dbfs], ["Right", levels?.right_dbfs]].filter(([, dbfs]) => isNumber(dbfs));
  show(box, Boolean(levels));
  if (!levels) return;
  if (!box.firstElementChild) box.append(...makeParts());
  say(part(box, "level-label"), `Level of what ${isPlayed ? "listeners hear" : "comes in"}`);
  show(part(box, "level-marks"), channels.length > 0);
  keep(part(box, "meters"), channels, ([name]) => name, makeMeter, (element, [, dbfs]) => {
    const bounded = Math.max(dbfs, LOWEST_DBFS);
    const isSilent = dbfs <= LOWEST_DBFS;
    const meter = part(element, "meter");
    set(meter, "aria-valuenow", bounded.toFixed(0));
    set(meter, "aria-valuetext", isSilent ? "silent" : `${bounded.toFixed(0)} decibels`);
    meter.style.setProperty("--level", place(bounded));
    // The peak is that of all channels, and none of a silent one.
    meter.style.setProperty("--peak", hasPeak(levels) && !isSilent ? place(levels.peak_dbfs) : "0%");
    say(part(element, "dbfs"), isSilent ? "silent" : decibels(dbfs));
  });
  say(part(box, "level-words"), words(levels, channels.length > 0));
}

function words(levels, isMeasured) {
  const silent = isNumber(levels.silent_seconds) ? levels.silent_seconds : 0;
  const parts = [];
  if (silent >= SILENT_SECONDS) parts.push(`Silent for ${whole(silent)}.`);
  else if (!isMeasured) parts.push("There is sound; nobody knows how loud it is.");
  if (isMeasured && hasPeak(levels)) parts.push(`The line marks the highest peak, ${decibels(levels.peak_dbfs)}.`);
  if (isMeasured && levels.method === "estimated") parts.push("A rough estimate.");
  return parts.join(" ");
}

function makeParts() {
  const marks = MARKS_DBFS.map((dbfs) => made("span", {}, dbfs ? bare(dbfs) : decibels(dbfs)));
  return [
    made("p", { class: "soft", "data-part": "level-label" }),
    made("ul", { "data-part": "meters" }),
    made("div", { class: "marks", "data-part": "level-marks", "aria-hidden": "true" }, ...marks),
    made("p", { class: "soft", "data-part": "level-words" }),
  ];
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
