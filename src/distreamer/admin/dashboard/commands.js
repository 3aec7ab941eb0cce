// What the operator asks for: nothing is done without a second click, and what came of it is said.

import { ask } from "./feed.js";
import { say, show } from "./dom.js";
import { sentence } from "./words.js";

const SHOWN_MILLISECONDS = 8000;
const element = (id) => document.getElementById(id);
let timer = 0;
let answer = () => {};

// Asks whether it is meant; `verb` stands on the button.
function isMeant(title, text, verb) {
  const dialog = element("confirm");
  say(element("confirm-title"), title);
  say(element("confirm-text"), text);
  say(element("confirm-yes"), verb);
  dialog.showModal();
  element("confirm-no").focus();
  return new Promise((resolve) => { answer = resolve; });
}

function settle(isYes) {
  element("confirm").close();
  answer(isYes);
}

element("confirm-yes").addEventListener("click", () => settle(true));
element("confirm-no").addEventListener("click", () => settle(false));
element("confirm").addEventListener("cancel", () => settle(false));
// This comes late, when the next question may stand there already.
element("confirm").addEventListener("close", () => { if (!element("confirm").open) settle(false); });

export function tell(text, isFault = false) {
  const done = element("done");
  done.dataset.state = isFault ? "bad" : "good";
  show(done, true);
  say(done, text);
  clearTimeout(timer);
  timer = setTimeout(() => show(done, false), SHOWN_MILLISECONDS);
}

// Whether it was done; `milliseconds` is how long that may take, where it takes long.
export async function command(path, { title, text, verb, body, milliseconds }) {
  if (!(await isMeant(title, text, verb))) return false;
  try {
    const { sentence: words } = await ask(path, { method: "POST", body, milliseconds });
    tell(sentence(words));
    return true;
  } catch (error) {
    tell(error.message, true);
    return false;
  }
}
