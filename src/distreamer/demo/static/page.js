// Draws what the demo tells twice a second, and hands the visitor's wishes on. It decides nothing itself.

import { Chart } from "/chart.js";

const CATCHING_UP_SECONDS = 3;
const SMALLEST_SCALE_SECONDS = 30;
const RETRY_MILLISECONDS = 1000;

const element = (id) => document.getElementById(id);
const spoken = (seconds) => `${Math.round(seconds)}\u00a0s`;
const chart = new Chart(element("chart"));
let state = null;

// -- the picture

function draw(news) {
  state = news;
  const level = Math.max(state.buffer_seconds, state.waiting_seconds);
  const scale = Math.max(SMALLEST_SCALE_SECONDS, Math.ceil((level + 1) / 15) * 15);
  // A number keeps its unit on its line.
  element("sentence").textContent = state.sentence.replace(/(\d) (s|min|h)\b/g, "$1\u00a0$2");
  element("studio-title").textContent = state.studio_problem || state.studio_title || "…";
  element("heard-title").textContent = hears();
  element("waiting").textContent = spoken(isCrossing() || state.link_is_cut ? state.waiting_seconds : 0);
  element("buffer").textContent = spoken(state.buffer_seconds);
  element("link-words").textContent = linkWords();
  fill("tank-a", isCrossing() || state.link_is_cut ? state.waiting_seconds : 0, scale);
  fill("tank-b", state.buffer_seconds, scale);
  const chain = element("chain");
  chain.dataset.link = state.link_is_cut ? "cut" : isCrossing() ? "catching-up" : "open";
  chain.dataset.playout = state.playout;
  element("play").disabled = false;
  element("restore").disabled = !state.link_is_cut;
  for (const button of element("cut-buttons").children) label(button);
  element("heard").textContent = state.heard_sentence;
  chart.add(state.buffer_seconds, state.link_is_cut, state.heard.is_silent, scale);
  for (const event of state.events) write(event);
  sayWhatYouHear();
}

const isCrossing = () => state.playout !== "waiting" && state.waiting_seconds > CATCHING_UP_SECONDS;

function hears() {
  if (state.playout === "waiting") return "nothing yet";
  return state.heard.is_silent ? "silence" : state.heard_title || "the programme";
}

function linkWords() {
  if (state.link_is_cut) return `cut, back in ${spoken(state.remaining_cut_seconds)}`;
  if (!state.link_is_connected) return "connecting …";
  return isCrossing() ? "catching up" : "works";
}

function fill(id, seconds, scale) {
  element(id).style.setProperty("--level", `${Math.min(100 * seconds / scale, 100)}%`);
  element(id).style.setProperty("--ten", `${1000 / scale}%`);
}

function label(button) {
  button.disabled = state.playout === "waiting" || state.link_is_cut;
  if (button.disabled) return;
  const isAudible = Number(button.dataset.seconds) >= state.buffer_seconds;
  button.classList.toggle("audible", isAudible);
  button.lastElementChild.textContent = isAudible ? "will be heard" : "nobody hears it";
}

function write(event) {
  const line = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = new Date(event.at * 1000).toLocaleTimeString([], { hour12: false });
  const text = document.createElement("span");
  text.textContent = event.text;
  line.append(time, text);
  element("log").prepend(line);
}

// -- the player

const audio = element("audio");
let isWanted = false;
let stoppedAt = null;

function listen() {
  stoppedAt = null;
  // Another query each time: the browser must not go on with what it kept of the last connection.
  audio.src = `${state.stream_url}?listener=${Date.now()}`;
  audio.play().catch(() => sayWhatYouHear());
}

function togglePlay() {
  isWanted = !isWanted;
  element("play").dataset.playing = isWanted;
  element("play").lastElementChild.textContent = isWanted ? "Stop" : "Play";
  if (isWanted) {
    listen();
  } else {
    audio.pause();
    audio.removeAttribute("src");
    audio.load();
  }
  sayWhatYouHear();
}

function sayWhatYouHear() {
  element("ears").textContent = ears();
}

function ears() {
  if (!isWanted) return "Press play: you are a listener of PC B.";
  if (stoppedAt !== null) return `You have heard silence for ${spoken((performance.now() - stoppedAt) / 1000)}.`;
  if (audio.currentTime === 0) return "Your player starts …";
  return "You hear the programme.";
}

function comeBack() {
  if (isWanted) setTimeout(() => isWanted && listen(), RETRY_MILLISECONDS);
}

audio.addEventListener("waiting", () => { if (audio.currentTime > 0) stoppedAt ??= performance.now(); });
audio.addEventListener("playing", () => { stoppedAt = null; });
audio.addEventListener("ended", comeBack);
audio.addEventListener("error", comeBack);
audio.volume = 0.8;

// -- the buttons

async function ask(path) {
  try {
    await fetch(path, { method: "POST" });
  } catch {
    element("ended").hidden = false;
  }
}

element("play").addEventListener("click", togglePlay);
element("volume").addEventListener("input", (event) => { audio.volume = event.target.value / 100; });
element("restore").addEventListener("click", () => ask("/restore"));
for (const button of element("cut-buttons").children) {
  button.addEventListener("click", () => ask(`/cut?seconds=${button.dataset.seconds}`));
}

// -- the demo's news

function follow() {
  const source = new EventSource("/events");
  source.onmessage = (message) => {
    element("ended").hidden = true;
    draw(JSON.parse(message.data));
  };
  source.onopen = () => element("log").replaceChildren();
  source.onerror = () => {
    element("ended").hidden = false;
    // A demo that is started again refuses at first; the browser itself gives up on some errors, so start anew.
    source.close();
    setTimeout(follow, 2 * RETRY_MILLISECONDS);
  };
}

follow();
