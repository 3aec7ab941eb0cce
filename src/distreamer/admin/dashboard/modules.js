// Inputs and outputs, what they do, and what can be done with them.

import { command } from "./commands.js";
import { keep, made, mark, part, say, set, show } from "./dom.js";
import { ask, instancePath, Refused } from "./feed.js";
import { counted, sentence, whole } from "./words.js";

const STATES = { starting: "warn", running: "good", retrying: "bad", stopped: "off" };
const WORDS = { starting: "waits", running: "works", retrying: "fails", stopped: "stopped" };
const LISTENERS_MILLISECONDS = 2000;
const MOST_LISTENERS = 200;

export function drawInputs(list, view) {
  const { status } = view;
  keep(list, status.inputs, (input) => input.name, () => makeInput(view.name), (element, input) => {
    const isPreferred = input === status.inputs[0] && status.inputs.length > 1;
    const why = input.chosen ? " (preferred by you or a colleague)" : isPreferred ? " (preferred)" : "";
    drawModule(element, input, input.name + why);
    // Where there is one, it is on air; what else would be.
    show(part(element, "on-air"), status.inputs.length > 1);
    mark(part(element, "on-air"), "state", input.on_air ? "good" : "off");
    say(part(element, "on-air"), input.on_air ? "on air" : "stands by");
    const back = input.returns_in_seconds;
    say(part(element, "more"), back === null ? "" : `It works again, and takes over in ${whole(back)}.`);
    for (const [name, verb] of [["restart", "Restart"], ["prefer", "Put on air:"]]) {
      part(element, name).dataset.input = input.name;
      set(part(element, name), "aria-label", `${verb} ${input.name}`);
    }
    show(part(element, "prefer"), status.inputs.length > 1 && !input.on_air);
  });
}

export function drawOutputs(list, view) {
  keep(list, view.status.outputs, (output) => output.name, (output) => makeOutput(view.name, output), (element, output) => {
    drawModule(element, output, output.name);
    const { listeners } = output;
    const told = listeners ? `At most ${counted(listeners.peak, "listener", "listeners")} at once so far.` : "";
    say(part(element, "more"), told);
    show(part(element, "who"), Boolean(listeners) && output.mode === "ShoutcastServer");
  });
}

function drawModule(element, module, name) {
  say(part(element, "name"), name);
  say(part(element, "mode"), module.mode);
  mark(part(element, "state"), "state", STATES[module.state]);
  say(part(element, "state"), WORDS[module.state]);
  const isTrouble = module.state !== "running" && module.last_error && module.last_error !== module.detail;
  say(part(element, "detail"), sentence(module.detail) + (isTrouble ? ` ${sentence(module.last_error)}` : ""));
}

function makeModule(buttons, ...more) {
  return made(
    "li",
    {},
    made(
      "p",
      { class: "module-name" },
      made("strong", { "data-part": "name" }),
      " ",
      made("span", { class: "soft", "data-part": "mode" }),
      " ",
      made("span", { class: "tag", "data-part": "state" }),
      " ",
      made("span", { class: "tag", "data-part": "on-air", hidden: "" }),
      made("span", { class: "buttons" }, ...buttons),
    ),
    made("p", { class: "soft", "data-part": "detail" }),
    made("p", { class: "soft", "data-part": "more" }),
    ...more,
  );
}

function makeInput(instance) {
  const button = made("button", { type: "button", "data-part": "restart" }, "Restart");
  button.addEventListener("click", () =>
    command(instancePath(instance, "inputs", button.dataset.input, "restart"), {
      title: `Restart ${button.dataset.input}?`,
      text: "It connects anew. Nobody hears it as long as the buffer lasts.",
      verb: "Restart it",
    }),
  );
  const prefer = made("button", { type: "button", "data-part": "prefer" }, "Put on air");
  prefer.addEventListener("click", () =>
    command(instancePath(instance, "inputs", prefer.dataset.input, "prefer"), {
      title: `Put ${prefer.dataset.input} on air?`,
      text: "At once, and again whenever it works; until another one is preferred, or DiStreamer ends.",
      verb: "Put it on air",
    }),
  );
  return makeModule([prefer, button]);
}

function makeOutput(instance, output) {
  const table = made("ul", { class: "listeners" });
  const words = made("p", { class: "soft" });
  const box = made("details", { "data-part": "who", hidden: "" }, made("summary", {}, "Who listens"), words, table);
  let timer = 0;
  const look = async () => {
    clearTimeout(timer);
    if (!box.open || !box.isConnected) return;
    try {
      const { listeners } = await ask(instancePath(instance, "outputs", output.name, "listeners"));
      say(words, listeners.length ? tooMany(listeners.length) : "Nobody at present.");
      drawListeners(table, instance, output.name, listeners.slice(0, MOST_LISTENERS), look);
    } catch (error) {
      say(words, error.message);
      drawListeners(table, instance, output.name, [], look);
      if (error instanceof Refused) return;
    }
    timer = setTimeout(look, LISTENERS_MILLISECONDS);
  };
  box.addEventListener("toggle", look);
  return makeModule([], box);
}

const tooMany = (count) => (count > MOST_LISTENERS ? `The first ${MOST_LISTENERS} of ${count}.` : "");

function drawListeners(list, instance, output, listeners, look) {
  const make = (one) => {
    const button = made("button", { type: "button", "aria-label": `Disconnect ${one.address}` }, "Disconnect");
    button.addEventListener("click", async () => {
      const path = instancePath(instance, "outputs", output, "listeners", one.number, "kick");
      const text = `${one.player || "The player"} at ${one.address} loses the stream. Players mostly come again at once.`;
      await command(path, { title: "Disconnect this listener?", text, verb: "Disconnect it" });
      look();
    });
    const time = made("span", { class: "soft", "data-part": "time" });
    return made("li", {}, made("span", {}, made("strong", {}, one.address), " ", time, made("br"), one.player), button);
  };
  keep(list, listeners, (one) => one.number, make, (element, one) => say(part(element, "time"), `for ${whole(one.seconds)}`));
}
