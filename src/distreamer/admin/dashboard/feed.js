// Asks DiStreamer, and knows whether it answers. The status comes each second; without it for two, what is shown is old.

const STALE_MILLISECONDS = 2000;
const GIVEN_UP_MILLISECONDS = 6000;
const CHECK_MILLISECONDS = 250;
const RETRY_MILLISECONDS = 1000;
const ANSWER_MILLISECONDS = 4000;
const FIRST_EVENTS = 200;
const HEADERS = { "X-DiStreamer-Request": "1" };

// DiStreamer says no: it would say so again.
export class Refused extends Error {}
export class Unauthorised extends Refused {}

// The answer as an object; throws an Error that says in a sentence what went wrong.
export async function ask(path, { method = "GET", body, milliseconds = ANSWER_MILLISECONDS } = {}) {
  const headers = body === undefined ? HEADERS : { ...HEADERS, "Content-Type": "application/json" };
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      signal: AbortSignal.timeout(milliseconds),
    });
  } catch {
    throw new Error("DiStreamer does not answer.");
  }
  const told = await answer.json().catch(() => ({}));
  if (answer.status === 401) throw new Unauthorised(told.detail);
  if (!answer.ok) throw new Refused(told.detail ?? `DiStreamer answers with the status ${answer.status}.`);
  return told;
}

export const instancePath = (instance, ...rest) =>
  ["api/v1/instances", ...[instance, ...rest].map(encodeURIComponent)].join("/");

export class Feed {
  // `told` has: status(view), event(event), fresh(), lost(), locked().
  constructor(told) {
    this.told = told;
    this.last = null;
    this.source = null;
    this.heardAt = -Infinity;
    this.isLost = false;
    setInterval(() => this.check(), CHECK_MILLISECONDS);
  }

  async start() {
    try {
      this.heard(await ask("api/v1/status"));
      const query = this.last === null ? `limit=${FIRST_EVENTS}` : `after=${this.last}`;
      const { events, last } = await ask(`api/v1/events?${query}`);
      for (const event of events) this.told.event(event);
      this.last = last;
      this.listen();
    } catch (error) {
      if (error instanceof Unauthorised) this.told.locked();
      else this.again();
    }
  }

  listen() {
    const source = (this.source = new EventSource(`api/v1/events/stream?after=${this.last}`));
    source.addEventListener("status", (message) => this.heard(JSON.parse(message.data)));
    source.addEventListener("event", (message) => {
      const event = JSON.parse(message.data);
      this.last = event.number;
      this.told.event(event);
    });
    source.addEventListener("error", () => this.again());
  }

  heard(view) {
    this.heardAt = performance.now();
    if (this.isLost || this.last === null) this.told.fresh();
    this.isLost = false;
    this.told.status(view);
  }

  // Also where nothing tells that the connection is gone.
  check() {
    if (!this.source) return;
    const silent = performance.now() - this.heardAt;
    if (silent > GIVEN_UP_MILLISECONDS) this.again();
    else if (silent > STALE_MILLISECONDS) this.lose();
  }

  lose() {
    if (this.isLost) return;
    this.isLost = true;
    this.told.lost();
  }

  again() {
    this.source?.close();
    this.source = null;
    this.lose();
    setTimeout(() => this.start(), RETRY_MILLISECONDS);
  }
}
