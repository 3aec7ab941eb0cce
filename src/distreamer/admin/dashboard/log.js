// What happened to an instance, the newest first.

import { made, show } from "./dom.js";
import { clock, sentence } from "./words.js";

const MOST_LINES = 200;
const WORDS = { info: "Note", warning: "Warning", error: "Error" };
const STATES = { info: "good", warning: "warn", error: "bad" };

export class Log {
  constructor(list, empty) {
    this.list = list;
    this.empty = empty;
    this.newest = 0;
  }

  add(event) {
    if (event.number <= this.newest) return;
    this.newest = event.number;
    const name = event.resolves ? "Fine again" : WORDS[event.severity];
    this.list.prepend(
      made(
        "li",
        { "data-state": STATES[event.severity] },
        made("time", { datetime: new Date(event.at * 1000).toISOString() }, clock(event.at, Date.now() / 1000)),
        made("span", { class: "tag" }, name),
        made("span", { class: "words" }, sentence(event.sentence)),
      ),
    );
    while (this.list.childElementCount > MOST_LINES) this.list.lastElementChild.remove();
    show(this.empty, false);
    show(this.list, true);
  }
}
