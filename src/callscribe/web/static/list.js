// The list of calls.

import { callee, caller, clock, state } from "./wording.js";

export class List {
  constructor({ place, older }) {
    this.place = place;
    this.older = older;
    this.root = document.getElementById("list");
    this.find = document.getElementById("find");
    this.calls = new Map();
    for (const item of this.items()) {
      const name = item.dataset.state;
      this.calls.set(item.dataset.call, {
        // What the page said; enough to go on from.
        status: name === "ended" ? "completed" : name === "bad" ? "failed" : name === "ringing" ? "ringing" : "in-progress",
        paused: name === "paused", on_hold: name === "hold",
      });
    }
    this.find.addEventListener("input", () => this.filter());
    this.find.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        this.find.value = "";
        this.filter();
        this.find.blur();
      }
    });
    const now = this.root.querySelector("[aria-current]");
    // Where the list has a scroll bar of its own; elsewhere the page would jump.
    if (now && this.root.scrollHeight > this.root.clientHeight) this.root.scrollTop = now.offsetTop - this.root.clientHeight / 2;
  }

  items() {
    return [...this.root.querySelectorAll("li[data-call]")];
  }

  item(id) {
    return this.root.querySelector(`li[data-call="${CSS.escape(id)}"]`);
  }

  get live() {
    return this.items().filter((item) => !["ended", "bad"].includes(item.dataset.state)).length;
  }

  take(event) {
    if (event.type === "call_started" && !this.item(event.call) && !this.older) this.add(event);
    const item = this.item(event.call);
    const call = this.calls.get(event.call);
    if (!item || !call) return;
    switch (event.type) {
      case "call_updated":
        call.status = event.status ?? call.status;
        call.on_hold = event.on_hold ?? call.on_hold;
        break;
      case "transcription_paused": call.paused = true; break;
      case "transcription_resumed": call.paused = false; break;
      case "final":
        item.querySelector(".last").textContent = event.text;
        return;
      case "call_ended":
        call.status = event.status ?? "completed";
        item.querySelector(".length").textContent = event.duration_ms ? clock(event.duration_ms) : "";
        break;
      default: return;
    }
    const [word, name] = state(call);
    item.dataset.state = name;
    const element = item.querySelector(".state");
    element.className = `state ${name}`;
    element.querySelector(".word").textContent = word;
    if (event.type === "call_ended") this.settle(item);
  }

  add(event) {
    const item = document.createElement("li");
    item.dataset.call = event.call;
    item.dataset.started = event.at;
    const link = item.appendChild(document.createElement("a"));
    link.href = `/calls/${encodeURIComponent(event.call)}`;
    const call = { ...event, status: event.status ?? "in-progress", paused: false, on_hold: false };
    const [word, name] = state(call);
    item.dataset.state = name;
    const started = new Date(event.at);
    const hour = started.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    link.append(
      row("first", [piece("from", caller(call)), piece("when", hour)]),
      row("second", [
        piece("to", callee(call) ? `to ${callee(call)}` : "Conference"),
        row(`state ${name}`, [piece("word", word), " ", piece("length", "")]),
      ]),
      piece("last", ""),
    );
    this.calls.set(event.call, call);
    this.heading("Now", this.root.firstElementChild).after(item);
    this.filter();
  }

  // An ended call goes from "Now" to the top of its day.
  settle(item) {
    if (this.older) return;
    const day = this.heading("Today", [...this.root.querySelectorAll("li.day")].find((each) => each.dataset.day !== "Now"));
    day.after(item);
    const now = this.root.querySelector('li.day[data-day="Now"]');
    if (now && !now.nextElementSibling?.dataset.call) now.remove();
  }

  heading(name, before) {
    const known = this.root.querySelector(`li.day[data-day="${name}"]`);
    if (known) return known;
    const heading = document.createElement("li");
    heading.className = "day";
    heading.dataset.day = name;
    heading.append(Object.assign(document.createElement("h2"), { textContent: name }));
    this.root.insertBefore(heading, before ?? null);
    return heading;
  }

  filter() {
    const wanted = this.find.value.trim().toLowerCase();
    let heading = null;
    let shown = 0;
    for (const item of this.root.children) {
      if (item.classList.contains("day")) {
        heading = item;
        heading.hidden = wanted !== "";
        continue;
      }
      item.hidden = wanted !== "" && !item.textContent.toLowerCase().includes(wanted);
      if (!item.hidden) {
        shown += 1;
        heading.hidden = false;
      }
    }
    document.getElementById("none").hidden = shown > 0 || wanted === "";
  }

  // Follows the link of the next (1) or previous (-1) call that the filter shows.
  step(by) {
    const items = this.items().filter((item) => !item.hidden);
    const now = items.findIndex((item) => item.querySelector("[aria-current]"));
    const next = items[Math.max(0, Math.min(items.length - 1, now + by))];
    if (next && next !== items[now]) next.querySelector("a").click();
  }

  tick() {
    for (const item of this.items()) {
      if (["ended", "bad", "ringing"].includes(item.dataset.state)) continue;
      const elapsed = Date.now() - Date.parse(item.dataset.started);
      if (elapsed >= 0) item.querySelector(".length").textContent = clock(elapsed);
    }
  }
}

function piece(name, words) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = words;
  return element;
}

function row(name, children) {
  const element = document.createElement("span");
  element.className = name;
  element.append(...children);
  return element;
}
