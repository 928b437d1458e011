// The list of calls: days and steps. Its lines are drawn by the server.

import { day } from "./times.js";

export class List {
  constructor(page) {
    this.page = page;
    this.older = page.dataset.older === "yes";
    this.root = document.getElementById("list");
    if (this.older) this.root.dataset.closed = "yes";
    const now = this.root.querySelector("[aria-current]");
    // Where the list has a scroll bar of its own; elsewhere the page would jump.
    if (now && this.root.scrollHeight > this.root.clientHeight) this.root.scrollTop = now.offsetTop - this.root.clientHeight / 2;
  }

  get items() {
    return [...this.root.querySelectorAll("li[id]")];
  }

  get liveIds() {
    return this.items.filter((item) => item.dataset.rank.startsWith("1")).map((item) => item.id);
  }

  get live() {
    return this.liveIds.length;
  }

  // After lines have come or changed.
  changed() {
    for (const item of this.items) {
      const link = item.querySelector("a");
      if (item.id === `call-${this.page.dataset.call}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    this.days();
  }

  // A heading over each day, the viewer's.
  days() {
    const headings = new Map([...this.root.querySelectorAll("li.day")].map((each) => [each.dataset.day, each]));
    let current = "";
    for (const item of this.items) {
      const live = !this.older && item.dataset.rank.startsWith("1");
      const name = live ? "Now" : day(item.dataset.started);
      if (name === current) continue;
      current = name;
      const heading = headings.get(name) ?? this.heading(name);
      headings.delete(name);
      if (item.previousElementSibling !== heading) item.before(heading);
    }
    for (const heading of headings.values()) heading.remove();
  }

  heading(name) {
    const heading = document.createElement("li");
    heading.className = "day";
    heading.dataset.day = name;
    heading.append(Object.assign(document.createElement("h2"), { textContent: name }));
    return heading;
  }

  // Follows the link of the next (1) or previous (-1) call.
  step(by) {
    const { items } = this;
    const now = items.findIndex((item) => item.querySelector("[aria-current]"));
    const next = items[Math.max(0, Math.min(items.length - 1, now + by))];
    if (next && next !== items[now]) next.querySelector("a").click();
  }
}
