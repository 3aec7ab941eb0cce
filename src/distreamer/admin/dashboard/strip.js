// The last day of each link as a strip of five minutes each, and the same as a list.

import { drawn, keep, made, mark, part, say, set, show } from "./dom.js";
import { clock, counted, sentence, whole } from "./words.js";

const SLOT_SECONDS = 300;
const SLOTS = 288;
const HEIGHT = 40;
const MARKS = ["24 h ago", "18 h", "12 h", "6 h", "now"];
const MOST_CUTS_LISTED = 60;

const nameOf = (view) => `${view.module} ${view.link.peer} ${view.link.path} ${view.link.party}`;

// What is known each second: the sentence, and how it is now.
export function drawLinks(list, views) {
  keep(list, views, nameOf, makeLink, (element, view) => {
    const { link } = view;
    say(part(element, "name"), link.path && !link.path.endsWith(link.peer) ? `${link.peer} (${link.path})` : link.path || link.peer);
    mark(element, "state", link.connected ? "good" : "bad");
    say(part(element, "now"), link.connected ? (link.carries ? "up" : "stands by") : "down");
    say(part(element, "words"), sentence(view.sentence + (link.trouble ? ` (${link.trouble})` : "")));
    say(part(element, "module"), view.module);
    set(part(element, "strip"), "aria-label", `The last 24 hours: ${view.sentence}`);
  });
}

// What comes more rarely: the slots.
export function drawSlots(list, views, now) {
  const left = [...views];
  for (const element of list.children) {
    const place = left.findIndex((view) => nameOf(view) === element.dataset.link);
    if (place < 0) continue;
    const [view] = left.splice(place, 1);
    draw(element, view.link.history?.slots ?? [], now);
  }
}

function makeLink(view) {
  const strip = drawn("svg", { class: "strip", "data-part": "strip", role: "img", viewBox: `0 0 ${SLOTS} ${HEIGHT}`, preserveAspectRatio: "none" });
  return made(
    "li",
    { "data-link": nameOf(view) },
    made("h4", {}, made("span", { "data-part": "name" }), " ", made("span", { class: "tag", "data-part": "now" })),
    made("div", { class: "strip-box" }, strip),
    made("div", { class: "marks", "aria-hidden": "true" }, ...MARKS.map((text) => made("span", {}, text))),
    made("p", { "data-part": "words" }),
    made("p", { class: "unseen", "data-part": "module" }),
    made("details", { "data-part": "cuts-box", hidden: "" }, made("summary", {}, "When it was cut"), made("ul", { "data-part": "cuts" })),
  );
}

function draw(element, slots, now) {
  // The right edge is now: what is older than a day is on the way out at the left.
  const placeOf = (at) => Math.min(SLOTS - (now - at) / SLOT_SECONDS, SLOTS);
  const bars = runs(slots).map(({ kind, height, first, last }) => {
    const [begin, end] = [placeOf(first.at), placeOf(last.at + SLOT_SECONDS)];
    const place = { x: begin.toFixed(2), y: HEIGHT - height, width: Math.max(end - begin, 0).toFixed(2), height };
    return drawn("rect", { class: kind, ...place }, ...(kind === "up" ? [] : [drawn("title", {}, wordsOf(first, now))]));
  });
  part(element, "strip").replaceChildren(drawn("rect", { class: "unknown", x: 0, y: HEIGHT - 2, width: SLOTS, height: 2 }), ...bars);
  const cuts = slots.filter((slot) => slot.cuts || slot.down_seconds > 0).reverse().slice(0, MOST_CUTS_LISTED);
  show(part(element, "cuts-box"), cuts.length > 0);
  keep(part(element, "cuts"), cuts, (slot) => slot.at, () => made("li"), (item, slot) => say(item, wordsOf(slot, now)));
}

// Where nothing happened one bar is enough.
function runs(slots) {
  const found = [];
  for (const slot of slots) {
    const [kind, height] = lookOf(slot);
    const before = found.at(-1);
    if (kind === "up" && before?.kind === "up" && slot.at - before.last.at < 1.5 * SLOT_SECONDS) before.last = slot;
    else found.push({ kind, height, first: slot, last: slot });
  }
  return found;
}

// Height tells as well as colour.
function lookOf(slot) {
  if (slot.heard_seconds > 0) return ["heard", HEIGHT];
  if (slot.cuts || slot.down_seconds > 0) return ["cut", 24];
  return ["up", 12];
}

function wordsOf(slot, now) {
  const cuts = slot.cuts ? counted(slot.cuts, "cut", "cuts") : "still cut";
  const heard = slot.heard_seconds > 0 ? `${whole(slot.heard_seconds)} heard` : "nobody heard it";
  return `${clock(slot.at, now, false)}: ${cuts}, down for ${whole(slot.down_seconds)} in five minutes, ${heard}`;
}
