// The search field: what it finds takes the list's place, as one types. The server finds and draws it (web/finding.py).

import { parsed, setText } from "./pieces.js";
import { tick } from "./times.js";

const WAIT_MS = 150;

export class Search {
  constructor() {
    this.form = document.getElementById("search");
    this.field = document.getElementById("find");
    this.said = document.getElementById("searched");
    this.list = document.getElementById("listed");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.enter();
    });
    this.form.addEventListener("input", () => {
      this.fresh = false;
      this.asking?.abort();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.look(), WAIT_MS);
    });
    this.fresh = this.active; // What the address asked for is there already.
    this.form.closest("nav").addEventListener("click", (event) => this.clicked(event));
    this.form.closest("nav").addEventListener("keydown", (event) => this.key(event));
  }

  get results() {
    return document.getElementById("results");
  }

  get active() {
    return this.list.hidden;
  }

  // What is asked, days as moments in the viewer's zone.
  query() {
    const asked = new URLSearchParams();
    for (const [name, value] of new FormData(this.form)) {
      if (!value.trim()) continue;
      if (name === "by" && !this.field.value.trim()) continue; // Calls alone have no rank.
      asked.set(name, name === "from" ? `${value}T00:00:00${zone(value)}` : name === "to" ? `${value}T23:59:59${zone(value)}` : value);
    }
    return asked;
  }

  async look() {
    clearTimeout(this.timer);
    const query = this.query();
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    const address = query.size ? `?${query}` : "";
    history.replaceState(history.state, "", `${location.pathname}${address}${location.hash}`);
    if (!address) {
      this.show(null);
      return;
    }
    try {
      const answer = await fetch(`/find${address}`, { signal: asking.signal });
      if (!answer.ok) throw new Error(answer.status);
      this.show(parsed(await answer.text()));
    } catch (error) {
      if (error.name !== "AbortError") setText(this.said, "The server cannot be reached.");
    }
  }

  // Opens the best that was found: a line at its second, else the call.
  async enter() {
    if (!this.fresh) await this.look();
    const found = this.results.querySelector(".found");
    (found?.querySelector(".line") ?? found?.querySelector("a"))?.click();
  }

  // What is found beyond what is shown; of a call that is shown already, more lines.
  async more(button) {
    button.disabled = true;
    const query = this.query();
    query.set("cursor", button.dataset.more);
    try {
      const answer = await fetch(`/find?${query}`);
      if (!answer.ok) throw new Error(answer.status);
      const further = parsed(await answer.text());
      const list = this.results.querySelector(".list");
      const first = further.querySelector(".found > a");
      for (const block of [...further.querySelectorAll(".found")]) {
        const known = document.getElementById(block.id);
        if (known) known.append(...block.querySelectorAll(".line, .more"));
        else list.append(block);
      }
      const next = further.querySelector("[data-more]");
      if (next) button.replaceWith(next);
      else button.parentElement.remove();
      (first?.isConnected ? first : list.querySelector(".found:last-child > a"))?.focus();
      tick();
    } catch {
      button.disabled = false;
      setText(this.said, "The server cannot be reached.");
    }
  }

  show(results) {
    this.fresh = true;
    this.list.hidden = results !== null;
    const empty = Object.assign(document.createElement("div"), { id: "results", hidden: true });
    this.results.replaceWith(results ?? empty);
    setText(this.said, results?.dataset.said ?? "");
    tick();
  }

  clear() {
    for (const field of this.form.elements) {
      if (field.type === "checkbox") field.checked = false;
      else if (field.name) field.value = "";
    }
    this.look();
  }

  clicked(event) {
    const button = event.target.closest("button");
    if (button?.dataset.more) this.more(button);
    else if (button?.dataset.drop) {
      const field = this.form.elements[button.dataset.drop];
      if (field.type === "checkbox") field.checked = false;
      else field.value = "";
      this.field.focus();
      this.look();
    } else if (button?.dataset.query) {
      this.field.value = button.dataset.query;
      this.field.focus();
      this.look();
    }
  }

  // Down from the field, up and down among what was found, back with Escape.
  key(event) {
    const links = this.active ? [...this.results.querySelectorAll("a")] : [];
    const at = links.indexOf(document.activeElement);
    const inField = document.activeElement === this.field;
    if (event.key === "Escape" && (inField || at >= 0)) {
      event.preventDefault();
      if (!inField) this.field.focus();
      else {
        this.clear();
        this.field.blur();
      }
    } else if (event.key === "ArrowDown" && links.length && (inField || at >= 0)) {
      event.preventDefault();
      links[Math.min(at + 1, links.length - 1)].focus();
    } else if (event.key === "ArrowUp" && at >= 0) {
      event.preventDefault();
      (links[at - 1] ?? this.field).focus();
    }
  }
}

// `+01:00`: the viewer's zone on a day.
function zone(day) {
  const minutes = -new Date(`${day}T12:00:00`).getTimezoneOffset();
  const part = (number) => String(Math.floor(number)).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${part(Math.abs(minutes) / 60)}:${part(Math.abs(minutes) % 60)}`;
}
