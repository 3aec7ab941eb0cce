// One instance of the page.

import { chain, drawChain } from "./chain.js";
import { command } from "./commands.js";
import { keep, made, mark, part, say, set, show } from "./dom.js";
import { ask, instancePath } from "./feed.js";
import { drawLevels } from "./levels.js";
import { Log } from "./log.js";
import { drawInputs, drawOutputs } from "./modules.js";
import { Player } from "./player.js";
import { drawLinks, drawSlots } from "./strip.js";
import { isCut, onAir, verdict } from "./verdict.js";
import { clock, counted, sentence, whole } from "./words.js";

const SLOTS_MILLISECONDS = 60000;
const LEAST_MILLISECONDS = 5000;
// The longest TIMEOUT of an alert, and a little more.
const ALERTS_MILLISECONDS = 310000;
const SEVERITIES = { info: ["good", "Note"], warning: ["warn", "Warning"], error: ["bad", "Error"] };
let count = 0;

export class InstancePart {
  // `announce` is told what a screen reader should say.
  constructor(name, announce) {
    this.name = name;
    this.announce = announce;
    this.verdict = null;
    this.known = null;
    this.slotsAt = -Infinity;
    this.isSlotWanted = true;
    this.root = document.getElementById("instance").content.firstElementChild.cloneNode(true);
    this.id = `instance-${(count += 1)}`;
    this.find("name").id = this.id;
    this.find("name").tabIndex = -1;
    set(this.root, "aria-labelledby", this.id);
    set(this.find("title-text"), "id", `${this.id}-title`);
    set(this.find("title-label"), "for", `${this.id}-title`);
    say(this.find("name"), name);
    this.player = new Player(this.find("player"));
    this.log = new Log(this.find("log"), this.find("log-empty"));
    this.find("test-alert").addEventListener("click", () => this.testAlert());
    this.find("as-configured").addEventListener("click", () => this.preferAsConfigured());
    this.find("title-form").addEventListener("submit", (event) => this.setTitle(event));
  }

  find(name) {
    return part(this.root, name);
  }

  update(view, now) {
    this.view = view;
    const { status } = view;
    this.verdict = verdict(view);
    mark(this.root, "state", this.verdict.state);
    say(this.find("verdict"), this.verdict.text);
    const seconds = view.budget_seconds;
    say(this.find("number"), seconds === null || !status ? "" : whole(seconds));
    say(this.find("budget"), status ? sentence(view.budget_sentence) : sentence(view.sentence));
    for (const box of ["chain-box", "columns"]) show(this.find(box), Boolean(status));
    this.facts(view);
    this.problems(view.problems, now);
    say(this.find("day"), dayWords(view.links));
    if (!status) return;
    drawChain(this.find("chain"), chain(view));
    show(this.find("links-box"), view.links.length > 0);
    say(this.find("links-title"), view.links.length > 1 ? "The last day of the links" : "The last day of the link");
    drawLinks(this.find("links"), view.links);
    this.titles(view, now);
    drawLevels(this.find("levels"), status.levels, Boolean(status.playout));
    this.player.update(view.streams);
    drawInputs(this.find("inputs"), view);
    show(this.find("as-configured"), status.inputs.some((input) => input.chosen));
    drawOutputs(this.find("outputs"), view);
    const reached = view.links.map(({ link }) => link.connected).join();
    this.isSlotWanted ||= reached !== this.reached;
    this.reached = reached;
    const limit = this.isSlotWanted ? LEAST_MILLISECONDS : SLOTS_MILLISECONDS;
    if (view.links.length && performance.now() - this.slotsAt > limit) this.slots();
  }

  event(event) {
    this.log.add(event);
    this.isSlotWanted = true;
  }

  // It is not shown any more.
  end() {
    this.player.stop();
  }

  facts(view) {
    const { status } = view;
    const facts = { delay: view.delay_sentence, audience: view.listeners_sentence, input: view.input_sentence };
    if (!status?.playout) facts.delay = facts.audience = "";
    if (status?.playout?.state === "dry") facts.delay = "";
    if (status?.inputs.length === 1) facts.input = "";
    if (this.verdict.why) facts.input = this.verdict.why;
    for (const [name, text] of Object.entries(facts)) {
      show(this.find(name), Boolean(text) && Boolean(status));
      say(this.find(name), sentence(text));
    }
  }

  problems(problems, now) {
    const title = problems.length ? counted(problems.length, "problem now", "problems now") : "No problems now";
    say(this.find("problems-title"), title);
    mark(this.find("problems-box"), "state", problems.length ? "bad" : "good");
    const keys = problems.map((problem) => `${problem.kind} ${problem.subject}`);
    keep(this.find("problems"), problems, (problem) => `${problem.kind} ${problem.subject}`, makeProblem, (element, problem) => {
      const [state, word] = SEVERITIES[problem.severity];
      mark(element, "state", state);
      say(part(element, "severity"), word);
      say(part(element, "words"), sentence(problem.sentence));
      say(part(element, "since"), `since ${clock(problem.since, now)}, for ${whole(Math.max(now - problem.since, 0))}`);
    });
    const fresh = problems.filter((_, index) => this.known && !this.known.has(keys[index]));
    for (const problem of fresh) this.announce(`${this.name}: ${problem.sentence}`);
    this.known = new Set(keys);
  }

  titles(view, now) {
    const { title, status } = view;
    say(this.find("sent-label"), isCut(status) ? "The studio sent last" : "The studio sends");
    say(this.find("sent"), title.sent || "no title"); // or an empty one
    say(this.find("sent-at"), title.sent_at === null ? "" : `since ${clock(title.sent_at, now)}`);
    const { playout } = status;
    show(this.find("heard-box"), Boolean(playout));
    const filler = playout?.is_filling ? (playout.fills_with_clip ? "the filler file" : "silence") : null;
    say(this.find("heard"), filler ?? (title.heard || "no title"));
    say(this.find("heard-since"), filler || title.heard_since === null ? "" : `since ${clock(title.heard_since, now)}`);
    const isFromAfar = onAir(status).some((input) => input.mode.startsWith("DiStreamer"));
    show(this.find("title-form"), !isFromAfar);
    show(this.find("title-elsewhere"), isFromAfar);
  }

  async slots() {
    this.slotsAt = performance.now();
    this.isSlotWanted = false;
    try {
      const { links } = await ask(instancePath(this.name, "links"));
      drawSlots(this.find("links"), links, this.view.status?.at ?? Date.now() / 1000);
    } catch {
      // The feed says it when DiStreamer does not answer.
    }
  }

  testAlert() {
    return command(instancePath(this.name, "test-alert"), {
      title: "Test the alerts?",
      text: "An event of the kind “test” goes to everybody who is told of events.",
      verb: "Send it",
      milliseconds: ALERTS_MILLISECONDS,
    });
  }

  preferAsConfigured() {
    return command(instancePath(this.name, "prefer-as-configured"), {
      title: "Prefer inputs as configured?",
      text: "What was put on air by a button is not preferred any more.",
      verb: "As configured",
    });
  }

  async setTitle(event) {
    event.preventDefault();
    const field = this.find("title-text");
    const text = field.value.trim();
    const title = text ? `Set the title to “${text}”?` : "Set an empty title?";
    const what = "Listeners see it when they hear what the input brings next. It stands until the source sends another.";
    const path = instancePath(this.name, "title");
    if (await command(path, { title, text: what, verb: "Set it", body: { text } })) field.value = "";
  }
}

// What became of the worst of the links since yesterday.
function dayWords(views) {
  const days = views.map(({ link }) => link.history).filter(Boolean);
  if (!days.length) return "";
  const badness = (day) => 86400 * (day.heard_day_seconds ?? 0) + day.down_day_seconds;
  const worst = days.reduce((one, other) => (badness(other) > badness(one) ? other : one));
  const time = whole(Math.round(worst.watched_day_seconds / 300) >= 288 ? 86400 : worst.watched_day_seconds);
  if (!worst.cuts_day && !worst.longest_day_seconds) return `No cuts of the link in the last ${time}.`;
  const cuts = `${counted(worst.cuts_day, "cut", "cuts")} of the link in the last ${time}, the longest ${whole(worst.longest_day_seconds)}.`;
  if (worst.heard_day_seconds === null) return cuts;
  return `${cuts} ${worst.heard_day_seconds >= 0.5 ? `Listeners missed ${whole(worst.heard_day_seconds)}.` : "Nobody heard them."}`;
}

function makeProblem() {
  return made(
    "li",
    {},
    made("span", { class: "tag", "data-part": "severity" }),
    " ",
    made("span", { class: "words", "data-part": "words" }),
    " ",
    made("small", { "data-part": "since" }),
  );
}
