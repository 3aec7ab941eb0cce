// The picture of the chain: what a second of audio goes through, and how many seconds there are in each place.

import { drawn, keep, made, mark, part, say, set } from "./dom.js";
import { isCut, isStale, onAir } from "./verdict.js";
import { counted, spoken, whole } from "./words.js";

const LOW_PART = 0.5;
const PICTURES = {
  source: ["M24 8a7 7 0 0 1 7 7v10a7 7 0 0 1-14 0V15a7 7 0 0 1 7-7z", "M11 24a13 13 0 0 0 26 0M24 37v7M16 44h16"],
  listeners: ["M9 30v-5a15 15 0 0 1 30 0v5", "M6 28h8v13H6zM34 28h8v13h-8z"],
  link: ["M0 24h48"],
};

export function chain(view) {
  const { status } = view;
  const links = status.outputs.flatMap((output) => output.links);
  const steps = [source(view)];
  const arriving = onAir(status).flatMap((input) => input.links);
  if (arriving.length) steps.push(line("arriving", arriving, "path", "paths"));
  steps.push(buffer(view));
  if (status.playout) steps.push(listeners(view));
  else if (links.length) steps.push(line("leaving", links, "receiver", "receivers"), ...farEnd(links));
  return steps;
}

function source(view) {
  const { status } = view;
  const input = onAir(status)[0];
  const isFar = Boolean(input?.links.length);
  const step = { id: "source", picture: "source", label: isFar ? "Studio" : "Source" };
  const age = status.store.newest_age_seconds;
  if (isFar && isCut(status)) return { ...step, state: "off", value: "?", detail: "not known while the link is down" };
  const name = status.inputs.length > 1 && input ? `${input.name}, ` : "";
  if (age === null) return { ...step, state: "warn", value: "nothing yet", detail: input?.detail ?? "" };
  if (!isStale(status)) return { ...step, state: "good", value: "sends", detail: `${name}last audio ${spoken(age)} ago` };
  return { ...step, state: "bad", value: "silent", detail: `${name}nothing new for ${whole(age)}` };
}

function line(id, links, one, many) {
  const up = links.filter((link) => link.connected);
  const step = { id, picture: "link", label: "Link" };
  if (links.length > 1) {
    const state = up.length === links.length ? "good" : up.length ? "warn" : "bad";
    return { ...step, state, value: `${up.length} of ${links.length} up`, detail: counted(links.length, one, many) };
  }
  const [link] = links;
  if (!link.connected) {
    return { ...step, state: "bad", value: "down", detail: `for ${whole(link.history?.down_seconds ?? link.silent_seconds)}` };
  }
  const trip = link.rtt_seconds === null ? "" : `, ${Math.max(1, Math.round(link.rtt_seconds * 1000))}\u00a0ms there and back`;
  const carrier = { quic: " over QUIC", websocket: " over TCP" }[link.carrier] ?? "";
  return { ...step, state: "good", value: "up", detail: `for ${whole(link.connected_seconds)}${carrier}${trip}` };
}

function buffer(view) {
  const { playout, store } = view.status;
  const step = { id: "buffer", picture: "tank", label: "Buffer here" };
  if (!playout) {
    const detail = "kept for receivers that were away";
    return { ...step, state: store.seconds ? "good" : "off", value: whole(store.seconds), detail, level: store.seconds ? 1 : 0 };
  }
  const full = playout.delay_seconds;
  if (playout.state === "waiting") {
    const held = Math.min(store.seconds, full);
    return { ...step, state: "warn", value: whole(held), detail: `it fills, up to ${whole(full)}`, level: held / full };
  }
  const level = full ? Math.min(playout.budget_seconds / full, 1) : 0;
  const value = whole(playout.budget_seconds);
  if (playout.state === "dry") return { ...step, state: "bad", value, detail: "nothing is left to play", level: 0 };
  return { ...step, state: level < LOW_PART ? "warn" : "good", value, detail: `left to play, of ${whole(full)}`, level };
}

function listeners(view) {
  const { playout } = view.status;
  const isPlaying = playout.state !== "dry" && !playout.is_filling;
  // Of a server that is sent to it is not known how many there are.
  const how = playout.state === "waiting" ? "not yet" : isPlaying ? "on air" : "off air";
  const step = { id: "listeners", picture: "listeners", label: "Listeners", value: String(view.listeners ?? how) };
  if (playout.state === "waiting") return { ...step, state: "off", detail: "nothing is played yet" };
  if (playout.is_filling) {
    return { ...step, state: "bad", detail: playout.fills_with_clip ? "hear the filler file" : "hear silence" };
  }
  if (playout.state === "dry") return { ...step, state: "bad", detail: "live on what their players hold" };
  if (playout.behind_seconds === null) return { ...step, state: "good", detail: "hear the programme" };
  return { ...step, state: "good", detail: `hear it ${whole(playout.behind_seconds)} behind the studio` };
}

function farEnd(links) {
  const up = links.filter((link) => link.connected);
  const told = up.filter((link) => link.peer_budget_seconds !== null);
  const buffer = { id: "far-buffer", picture: "tank", label: "Buffer there", level: 0 };
  const ears = { id: "far-listeners", picture: "listeners", label: "Listeners there" };
  if (!told.length) {
    const detail = up.length ? "the far end does not say" : "not known while the link is down";
    return [{ ...buffer, state: "off", value: "?", detail }, { ...ears, state: "off", value: "?", detail: "" }];
  }
  const least = told.reduce((one, other) => (other.peer_budget_seconds < one.peer_budget_seconds ? other : one));
  const seconds = least.peer_budget_seconds;
  const state = seconds > 0 ? "good" : "bad";
  return [
    { ...buffer, state, value: whole(seconds), detail: `left to play at ${least.peer}`, level: seconds > 0 ? 1 : 0 },
    { ...ears, state, value: seconds > 0 ? "on air" : "off air", detail: seconds > 0 ? "hear the programme" : "have nothing to hear" },
  ];
}

export function drawChain(list, steps) {
  list.style.setProperty("--steps", steps.length);
  keep(list, steps, (step) => step.id, makeStep, (element, step) => {
    mark(element, "state", step.state);
    say(part(element, "label"), step.label);
    say(part(element, "value"), step.value);
    say(part(element, "detail"), step.detail);
    const picture = part(element, "picture");
    if (step.level !== undefined) picture.style.setProperty("--level", `${Math.round(step.level * 100)}%`);
    set(element, "class", `step ${step.picture}`);
  });
}

function makeStep(step) {
  const picture = made("div", { class: "picture", "data-part": "picture", "aria-hidden": "true" });
  if (step.picture === "tank") picture.append(made("b"));
  else picture.append(drawn("svg", { viewBox: "0 0 48 48", preserveAspectRatio: step.picture === "link" ? "none" : "xMidYMid" }, ...PICTURES[step.picture].map((d) => drawn("path", { d }))));
  return made(
    "li",
    {},
    made("h4", { "data-part": "label" }),
    picture,
    made("p", {}, made("strong", { "data-part": "value" }), " ", made("span", { "data-part": "detail" })),
  );
}
