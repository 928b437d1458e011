// Times in the viewer's zone and clock, and lengths that tick.

import { setText } from "./pieces.js";

const hourly = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const dated = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });

export function clock(ms) {
  const total = Math.floor(Math.max(0, ms) / 1000);
  const seconds = String(total % 60).padStart(2, "0");
  const minutes = Math.floor(total / 60) % 60;
  const hours = Math.floor(total / 3600);
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
}

export function day(at) {
  const then = new Date(at);
  if (Number.isNaN(then.getTime())) return "Undated";
  const now = new Date();
  const days = Math.round((midnight(now) - midnight(then)) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return (then.getFullYear() === now.getFullYear() ? weekday : dated).format(then).replace(",", "");
}

function midnight(then) {
  return new Date(then.getFullYear(), then.getMonth(), then.getDate()).getTime();
}

// Writes all times and running lengths of the page.
export function tick() {
  for (const element of document.querySelectorAll("time[data-own]")) {
    const then = new Date(element.dateTime);
    if (Number.isNaN(then.getTime())) continue;
    const hour = hourly.format(then);
    setText(element, element.dataset.form === "hour" ? hour : `${day(element.dateTime)}, ${hour}`);
    const whole = `${dated.format(then)}, ${hour}`; // also what is printed: "Today" is no date on paper
    if (element.title !== whole) element.title = whole;
  }
  for (const element of document.querySelectorAll("[data-since]")) {
    const elapsed = Date.now() - Date.parse(element.dataset.since);
    if (elapsed >= 0) setText(element, clock(elapsed));
  }
}
