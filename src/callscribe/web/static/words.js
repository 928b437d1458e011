// The words of a call: which is being heard, and going from word to word with the keyboard.

// The text nodes of an element that are what was said, without what is told about it.
export function textOf(element) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (node) =>
    node.nodeType === Node.TEXT_NODE ? NodeFilter.FILTER_ACCEPT
      : node.matches(".was, .pen") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_SKIP);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  return nodes;
}

export function plainText(element) {
  return textOf(element).map((node) => node.data).join("").replace(/\s+/g, " ").trim();
}

const LONG_MS = 4000; // No word takes longer.

export class WordList {
  // hear(ms): the reader wants to hear the recording from there.
  constructor(talk, hear) {
    Object.assign(this, { talk, hear });
    this.tip = document.getElementById("tip");
    this.lit = [];
    this.audible = false;
    this.changed();
    talk.addEventListener("click", (event) => this.clicked(event));
    talk.addEventListener("keydown", (event) => this.key(event));
    talk.addEventListener("focusin", (event) => this.tell(event.target));
    talk.addEventListener("focusout", () => this.tell(null));
    addEventListener("scroll", () => this.tell(null), { passive: true });
  }

  // There is a recording, or none: whether words can be heard.
  offer(audible) {
    this.audible = audible;
    this.talk.classList.toggle("audible", audible);
    this.home();
  }

  // After words have come or changed.
  changed() {
    this.timed = null;
    this.home();
  }

  all() {
    return [...this.talk.querySelectorAll(".u > span")];
  }

  // Words by when they are said; gathered when wanted, for a live call has no use for it.
  times() {
    this.timed ??= [...this.talk.querySelectorAll(".u > [data-from]")]
      .map((word) => ({ word, from: Number(word.dataset.from), to: Number(word.dataset.to) }))
      .sort((a, b) => a.from - b.from);
    return this.timed;
  }

  // Marks what is said at a moment. Returns one of the words; null when nobody speaks.
  light(ms) {
    const times = this.times();
    let low = 0;
    let high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle].from <= ms) low = middle + 1;
      else high = middle;
    }
    const now = [];
    for (let at = low - 1; at >= 0 && times[at].from > ms - LONG_MS; at -= 1) {
      if (times[at].to > ms) now.push(times[at].word);
    }
    for (const word of this.lit) if (!now.includes(word)) word.classList.remove("now");
    for (const word of now) word.classList.add("now");
    this.lit = now;
    return now[0] ?? null;
  }

  clicked(event) {
    const word = event.target.closest(".u > [data-from]");
    if (!word || !this.audible || event.detail > 1 || !getSelection().isCollapsed) return;
    this.choose(word);
    this.hear(Number(word.dataset.from));
  }

  key(event) {
    const word = event.target;
    if (!word.matches?.(".u > span") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (this.audible && word.dataset.from) this.hear(Number(word.dataset.from));
      return;
    }
    const next = this.beside(word, event.key);
    if (!next) return;
    event.preventDefault();
    this.choose(next);
    next.focus();
  }

  beside(word, key) {
    const words = this.all();
    const at = words.indexOf(word);
    const rows = () => [...this.talk.querySelectorAll(".para")];
    const row = (by) => {
      const all = rows();
      return all[all.indexOf(word.closest(".para")) + by]?.querySelector(".u > span");
    };
    switch (key) {
      case "ArrowRight": return words[at + 1];
      case "ArrowLeft": return words[at - 1];
      case "ArrowDown": return row(1);
      case "ArrowUp": return row(-1);
      case "Home": return words[0];
      case "End": return words.at(-1);
    }
    return null;
  }

  // Of all words one is a stop of the tab key; arrow keys go on from there.
  stop(word) {
    if (this.here && this.here !== word) {
      this.here.removeAttribute("tabindex");
      this.here.removeAttribute("role");
    }
    this.here = word;
    if (!word) return;
    word.tabIndex = 0;
    if (this.audible) word.setAttribute("role", "button");
  }

  home() {
    this.stop(this.chosen?.isConnected ? this.chosen : this.talk.querySelector(".u > span"));
  }

  choose(word) {
    this.chosen = word;
    this.stop(word);
  }

  // What is to be known of a doubtful word stands beside it while it has the focus.
  tell(word) {
    const words = word?.title && word.matches(".u > [title]") ? word.title : "";
    this.tip.hidden = !words;
    if (!words) return;
    this.tip.textContent = words;
    const place = word.getBoundingClientRect();
    const left = Math.max(8, Math.min(place.left, innerWidth - this.tip.offsetWidth - 8));
    this.tip.style.left = `${left}px`;
    this.tip.style.top = `${place.top - this.tip.offsetHeight - 4}px`;
  }
}
