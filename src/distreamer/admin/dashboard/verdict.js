// What is the matter with an instance, in a word or two. States: good, warn, bad, off.

export const STALE_SECONDS = 3;

// As `is_stale` in plain_words.py: nothing new arrives, where something did.
export function isStale(status) {
  const age = status.store.newest_age_seconds;
  return age !== null && age > Math.max(STALE_SECONDS, 2 * status.store.newest_seconds);
}

export const onAir = (status) => status.inputs.filter((input) => input.on_air);

// Whether what is on air comes over a link, and it is down.
export function isCut(status) {
  const links = onAir(status).flatMap((input) => input.links);
  return links.length > 0 && !links.some((link) => link.connected);
}

export function verdict(view) {
  const { status } = view;
  if (!status) return { state: "bad", text: "Does not run", why: view.sentence };
  const { playout } = status;
  if (!playout) return sending(view);
  if (playout.state === "waiting") return { state: "warn", text: "Not on air yet" };
  if (playout.state === "dry") return dry(playout);
  if (!view.is_ready) return { state: "bad", text: "Nothing goes out", why: view.why_not_ready };
  if (view.real_input !== view.preferred_input) return { state: "warn", text: "On air, from another input" };
  if (isCut(status)) return { state: "warn", text: "On air from the buffer: the link is down" };
  if (isStale(status)) return { state: "warn", text: "On air from the buffer: the source is silent" };
  return withProblems(view, "On air");
}

function dry(playout) {
  if (!playout.is_filling) return { state: "bad", text: "The buffer ran out" };
  return { state: "bad", text: playout.fills_with_clip ? "Off air: the filler file plays" : "Off air: silence is sent" };
}

function sending(view) {
  if (isStale(view.status)) return { state: "bad", text: "The source is silent" };
  if (!view.is_ready) return { state: "bad", text: "Nobody receives this", why: view.why_not_ready };
  return withProblems(view, "On air");
}

function withProblems(view, text) {
  const count = view.problems.length;
  if (!count) return { state: "good", text };
  return { state: "warn", text: `${text}, with ${count === 1 ? "a problem" : `${count} problems`}` };
}
