// A player of what the instance's listeners hear. Nothing is fetched before somebody asks for it.

import { keep, made, part, say, set, show } from "./dom.js";

const LOOPBACK = /^(localhost|127\..*|\[?::1\]?)$/;

function addressOf(stream) {
  const host = stream.host ? (stream.host.includes(":") ? `[${stream.host}]` : stream.host) : location.hostname;
  return `${stream.is_encrypted ? "https" : "http"}://${host}:${stream.port}${stream.path}`;
}

// Where a browser on another machine than DiStreamer's cannot get it.
const isOutOfReach = (stream) => LOOPBACK.test(stream.host) && !LOOPBACK.test(location.hostname);

export class Player {
  constructor(root) {
    this.root = root;
    this.audio = new Audio();
    this.audio.preload = "none";
    this.isWanted = false;
    this.find("play").addEventListener("click", () => (this.isWanted ? this.stop() : this.start()));
    this.find("stream").addEventListener("change", () => (this.isWanted ? this.start() : this.update(this.streams)));
    this.find("volume").addEventListener("input", (event) => (this.audio.volume = event.target.value / 100));
    this.audio.volume = this.find("volume").value / 100;
    for (const name of ["playing", "waiting", "error", "ended"]) this.audio.addEventListener(name, () => this.heard(name));
  }

  find(name) {
    return part(this.root, name);
  }

  update(streams) {
    this.streams = streams;
    show(this.root, streams.length > 0);
    if (!streams.length) return this.isWanted && this.stop();
    const choice = this.find("stream");
    show(this.find("stream-box"), streams.length > 1);
    keep(choice, streams, (one) => one.output, (one) => made("option", { value: one.output }, one.output), () => {});
    const stream = this.stream();
    const link = this.find("open");
    set(link, "href", addressOf(stream));
    say(link, addressOf(stream).replace(/\?.*/, ""));
    // A page that came by TLS may not play what does not.
    const isPlayable = !isOutOfReach(stream) && (stream.is_encrypted || location.protocol === "http:");
    show(this.find("play"), isPlayable);
    return undefined;
  }

  stream() {
    const chosen = this.find("stream").value;
    return this.streams.find((stream) => stream.output === chosen) ?? this.streams[0];
  }

  start() {
    this.isWanted = true;
    this.look("Stop", "Connecting …");
    this.audio.src = addressOf(this.stream());
    this.audio.play().catch((error) => error.name === "AbortError" || this.heard("error"));
  }

  stop() {
    this.isWanted = false;
    this.audio.pause();
    this.audio.removeAttribute("src");
    this.audio.load();
    this.look("Listen", "");
  }

  heard(name) {
    if (!this.isWanted) return;
    if (name === "playing") this.look("Stop", "You hear what listeners hear.");
    else if (name === "waiting") this.look("Stop", "Waiting for the stream …");
    else {
      this.stop();
      this.look("Listen", name === "ended" ? "The stream ended." : "The stream cannot be played here. Reload this page, or open the link.");
    }
  }

  look(verb, words) {
    say(this.find("play"), verb);
    show(this.find("volume-box"), this.isWanted);
    say(this.find("player-state"), words);
  }
}
