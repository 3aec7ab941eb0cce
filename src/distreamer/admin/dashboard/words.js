// Numbers and times as people say them.

const DAY_SECONDS = 86400;

// As `spoken_seconds` in units.py, with a space that does not break.
export function spoken(seconds) {
  const whole = Math.round(seconds);
  if (seconds < 0) return spoken(0);
  if (seconds < 9.95) return `${seconds.toFixed(1).replace(".0", "")}\u00a0s`;
  if (whole < 120) return `${whole}\u00a0s`;
  const [minutes, hours, days] = [60, 3600, DAY_SECONDS].map((unit) => Math.floor(whole / unit));
  if (minutes < 60) return joined([minutes, "min"], [whole % 60, "s"]);
  if (hours < 48) return joined([hours, "h"], [minutes % 60, "min"]);
  return joined([days, "d"], [hours % 24, "h"]);
}

// Whole seconds: what changes each second should not flicker.
export const whole = (seconds) => spoken(Math.round(seconds));

function joined([large, largeUnit], [small, smallUnit]) {
  return small ? `${large}\u00a0${largeUnit} ${small}\u00a0${smallUnit}` : `${large}\u00a0${largeUnit}`;
}

// A sentence of the API as it stands alone: it begins with a capital letter, unless with an address.
export function sentence(text) {
  const bound = text.replace(/(\d) (s|min|h|d)\b/g, "$1\u00a0$2");
  const first = bound.split(/\s/, 1)[0];
  const whole = /^[a-z]+[,;:]?$/.test(first) ? bound[0].toUpperCase() + bound.slice(1) : bound;
  return /[.!?…”]$/.test(whole) || !whole ? whole : `${whole}.`;
}

// A Unix time on this machine's clock; with the day, and without seconds, when it is not the one of `now`.
export function clock(at, now, withSeconds = true) {
  const date = new Date(at * 1000);
  const pad = (number) => String(number).padStart(2, "0");
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}${withSeconds ? `:${pad(date.getSeconds())}` : ""}`;
  if (date.toDateString() === new Date(now * 1000).toDateString()) return time;
  const isThisWeek = Math.abs(now - at) < 6 * DAY_SECONDS;
  const day = isThisWeek ? { weekday: "short" } : { day: "numeric", month: "short" };
  return `${date.toLocaleDateString("en", day)} ${time.slice(0, 5)}`;
}

export const counted = (count, one, many) => `${count} ${count === 1 ? one : many}`;
