// Finding in this call. The server says where the words stand (web/looking.py), as written or as they were said; they
// are marked without touching the text, so that it may go on changing.

import { setText } from "./pieces.js";
import { textOf } from "./words.js";

const TYPING_MS = 120;
const ARRIVING_MS = 400; // While text arrives it is looked for again so much later.

export class Finder {
  // show(element): the reader is taken there.
  constructor(page, talk, show) {
    Object.assign(this, { page, talk, show });
    this.form = document.getElementById("finder");
    this.field = document.getElementById("finder-text");
    this.count = document.getElementById("finder-count");
    this.button = document.getElementById("look");
    this.found = [];
    this.button.addEventListener("click", () => (this.form.hidden ? this.open() : this.close()));
    document.getElementById("finder-back").addEventListener("click", () => this.step(-1));
    document.getElementById("finder-close").addEventListener("click", () => this.close());
    this.field.addEventListener("input", () => this.later(TYPING_MS, true));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.step(1);
    });
    this.form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
      else if (event.key === "Enter" && event.shiftKey) this.step(-1);
      else return;
      event.preventDefault();
    });
  }

  open() {
    this.form.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.field.select();
    this.field.focus();
    if (this.field.value) this.look(false);
  }

  close() {
    this.form.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
    this.asking?.abort();
    this.take([], false);
    this.button.focus();
  }

  // After words have come or changed.
  changed() {
    if (!this.form.hidden && this.field.value.trim()) this.later(ARRIVING_MS, false);
  }

  later(ms, go) {
    clearTimeout(this.timer);
    this.going ||= go;
    this.timer = setTimeout(() => {
      const going = this.going;
      this.going = false;
      this.look(going);
    }, ms);
  }

  // go: to what is found next from where the reader is.
  async look(go) {
    this.asking?.abort();
    const query = new URLSearchParams({ q: this.field.value, words: document.documentElement.dataset.words });
    if (!this.field.value.trim()) {
      this.take([], false);
      return;
    }
    const asking = (this.asking = new AbortController());
    try {
      const answer = await fetch(`/calls/${encodeURIComponent(this.page.dataset.call)}/find?${query}`, { signal: asking.signal });
      if (!answer.ok) throw new Error(answer.status);
      const { places, more } = await answer.json();
      this.take(places, more);
      if (go) this.goOn();
    } catch (error) {
      if (error.name !== "AbortError") setText(this.count, "The server cannot be reached.");
    }
  }

  take(places, more) {
    const at = this.now && `${this.now.place}`;
    this.more = more;
    this.found = places.map((place) => ({ place, range: rangeOf(place) })).filter((each) => each.range);
    this.now = this.found.find((each) => `${each.place}` === at) ?? null;
    this.draw();
  }

  // The first in sight or below, else the first of all.
  goOn() {
    if (this.now || !this.found.length) return;
    this.now = this.found.find((each) => each.range.getBoundingClientRect().top >= 0) ?? this.found[0];
    this.draw();
    this.show(this.now.range.startContainer.parentElement);
  }

  step(by) {
    if (!this.found.length) return;
    const at = this.found.indexOf(this.now);
    this.now = this.found.at((at < 0 && by > 0 ? 0 : Math.max(at, 0) + by) % this.found.length);
    this.draw();
    this.show(this.now.range.startContainer.parentElement);
  }

  draw() {
    const asked = !this.form.hidden && this.field.value.trim();
    const at = this.found.indexOf(this.now) + 1;
    const all = `${this.found.length}${this.more ? "+" : ""}`;
    setText(this.count, !asked ? "" : this.found.length ? (at ? `${at} of ${all}` : `${all} found`) : "Not found");
    if (!globalThis.Highlight) return;
    CSS.highlights.set("found", new Highlight(...this.found.map((each) => each.range)));
    CSS.highlights.set("found-now", new Highlight(...(this.now ? [this.now.range] : [])));
  }
}

// The place as a range of the page's text; null when it is not there (any more).
function rangeOf([id, start, stop]) {
  const said = document.getElementById(`u-${id}`);
  if (!said) return null;
  const range = new Range();
  let passed = 0;
  let begun = false;
  for (const node of textOf(said)) {
    if (!begun && passed + node.length > start) {
      range.setStart(node, start - passed);
      begun = true;
    }
    if (begun && passed + node.length >= stop) {
      range.setEnd(node, stop - passed);
      return range;
    }
    passed += node.length;
  }
  return null;
}
