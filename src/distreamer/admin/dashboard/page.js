// Puts the page together: who may see it, what is known, and whether it is still true.

import { keep, made, mark, part, say, show } from "./dom.js";
import { ask, Feed } from "./feed.js";
import { InstancePart } from "./instance.js";
import { clock, sentence, whole } from "./words.js";

const LOGGED_IN = "distreamer-logged-in";
const element = (id) => document.getElementById(id);
const parts = new Map();
const said = new Map();
let shown = null;
let words = [];

// What a screen reader says: only changes, all of a moment together.
function announce(text) {
  if (!words.length) setTimeout(() => ((element("announcer").textContent = words.join(" ")), (words = [])), 100);
  words.push(sentence(text));
}

const told = {
  status(view) {
    // A newer DiStreamer has a newer page.
    if (shown && shown.version !== view.version) location.reload();
    shown = view;
    show(element("waiting"), false);
    show(element("login"), false);
    say(element("version"), `DiStreamer ${view.version}`);
    say(element("freshness"), `Live, ${clock(view.at, view.at)}`);
    keep(element("instances"), view.instances, (one) => one.name, begin, (root, one) => parts.get(one.name).update(one, view.at));
    for (const name of parts.keys()) if (!view.instances.some((one) => one.name === name)) end(name);
    summarise(view.instances);
  },
  event(event) {
    parts.get(event.instance)?.event(event);
  },
  fresh() {
    mark(document.body, "feed", "live");
    say(element("lost"), "");
    show(element("log-out"), isLoggedIn());
  },
  lost() {
    mark(document.body, "feed", "lost");
    const since = shown ? ` What is shown is from ${clock(shown.at, Date.now() / 1000)}, and may not be true any more.` : "";
    say(element("lost"), `DiStreamer does not answer.${since} Trying again …`);
    say(element("freshness"), "No connection");
    document.title = "No connection – DiStreamer";
  },
  locked() {
    mark(document.body, "feed", "locked");
    keep(element("instances"), [], () => "", () => {}, () => {});
    for (const name of parts.keys()) end(name);
    show(element("contents"), false);
    show(element("waiting"), false);
    show(element("log-out"), false);
    show(element("login"), true);
    say(element("lost"), "");
    say(element("freshness"), "");
    document.title = "Log in – DiStreamer";
    element("password").focus();
  },
};

function begin(view) {
  const one = new InstancePart(view.name, announce);
  parts.set(view.name, one);
  return one.root;
}

function end(name) {
  parts.get(name).end();
  parts.delete(name);
}

// The tab's title, the list of instances, and what is said when it changes.
function summarise(instances) {
  const verdicts = instances.map((one) => [one, parts.get(one.name)]);
  for (const [one, { verdict }] of verdicts) {
    if (said.has(one.name) && said.get(one.name) !== verdict.text) announce(`${one.name}: ${verdict.text}. ${sentence(one.budget_sentence)}`);
    said.set(one.name, verdict.text);
  }
  const rank = { bad: 0, warn: 1, off: 2, good: 3 };
  const worst = verdicts.reduce((one, other) => (rank[other[1].verdict.state] < rank[one[1].verdict.state] ? other : one), verdicts[0]);
  document.title = worst ? `${worst[1].verdict.text} – ${worst[0].name} – DiStreamer` : "DiStreamer";
  show(element("contents"), instances.length > 1);
  keep(element("contents").firstElementChild, verdicts, ([one]) => one.name, makeEntry, (item, [one, { verdict }]) => {
    mark(item, "state", verdict.state);
    say(part(item, "verdict"), verdict.text);
    say(part(item, "seconds"), one.budget_seconds === null ? "" : whole(one.budget_seconds));
  });
}

function makeEntry([one, { id }]) {
  const link = made("a", { href: `#${id}` }, made("strong", {}, one.name), " ", made("span", { class: "verdict", "data-part": "verdict" }), " ", made("span", { "data-part": "seconds" }));
  return made("li", {}, link);
}

// Where nothing can be kept, there is no button to log out.
function isLoggedIn() {
  try {
    return localStorage.getItem(LOGGED_IN) === "yes";
  } catch {
    return false;
  }
}

function rememberLogin(is) {
  try {
    if (is) localStorage.setItem(LOGGED_IN, "yes");
    else localStorage.removeItem(LOGGED_IN);
  } catch {
    // Private windows may refuse.
  }
}

element("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  say(element("login-fault"), "");
  try {
    await ask("api/v1/session", { method: "POST", body: { password: element("password").value } });
    rememberLogin(true);
    // The page's policy knows the streams only of who is logged in.
    location.reload();
  } catch (error) {
    say(element("login-fault"), error.message);
    element("password").select();
  }
});

element("log-out").addEventListener("click", async () => {
  rememberLogin(false);
  await ask("api/v1/session", { method: "DELETE" }).catch(() => {});
  location.reload();
});

new Feed(told).start();
