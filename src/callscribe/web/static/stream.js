// What changes on the page, from where it ends; reconnects without a hole or a double.

const PATIENCE_MS = 800; // A shorter silence is not worth a word.
const ASLEEP_MS = 60_000; // A machine that slept may hold a connection that is dead without knowing it.
const REST_MS = 30_000; // A hidden page that need not know gives its connection back after this time.

export class Stream {
  // take(name, steps), status("open" | "lost" | "refused").
  // idle(): nobody would miss anything on this page. Browsers open six connections to a server, no more.
  constructor({ page, list, take, status, idle = () => false }) {
    Object.assign(this, { page, list, take, status, idle });
    this.seen = page.dataset.seen;
    this.wait = 1000;
    this.hiddenAt = 0;
    this.connect();
    addEventListener("online", () => this.again());
    addEventListener("pagehide", () => this.source.close());
    addEventListener("pageshow", (event) => event.persisted && this.again());
    document.addEventListener("visibilitychange", () => {
      clearTimeout(this.rest);
      if (document.hidden) {
        this.hiddenAt = Date.now();
        this.rest = setTimeout(() => this.idle() && this.source.close(), REST_MS);
      } else if (Date.now() - this.hiddenAt > ASLEEP_MS || this.source.readyState === EventSource.CLOSED) {
        this.again();
      }
    });
  }

  connect() {
    const query = new URLSearchParams({ seen: this.seen });
    if (this.page.dataset.call) query.set("call", this.page.dataset.call);
    if (this.list) query.set("list", "yes");
    query.set("words", document.documentElement.dataset.words);
    const source = (this.source = new EventSource(`/live?${query}`));
    source.onopen = () => {
      clearTimeout(this.lost);
      this.lost = 0;
      this.wait = 1000;
      this.status("open");
    };
    for (const name of ["call", "list"]) {
      source.addEventListener(name, (message) => {
        this.seen = message.lastEventId;
        this.take(name, JSON.parse(message.data));
      });
    }
    // The server has another record now; what this page shows is not in it.
    source.addEventListener("gone", () => this.page.dataset.leaving || location.reload());
    source.onerror = () => {
      this.lost ||= setTimeout(() => this.status("lost"), PATIENCE_MS);
      if (source.readyState === EventSource.CLOSED) this.retry();
    };
  }

  // The call is drawn anew, in the words that are wanted now.
  redraw() {
    this.seen = `_${this.seen.split("_")[1] ?? ""}`;
    this.again();
  }

  again() {
    this.source.close();
    clearTimeout(this.timer);
    this.connect();
  }

  async retry() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.again(), this.wait);
    this.wait = Math.min(this.wait * 2, 10_000);
    try {
      const answer = await fetch("/api/calls?limit=1", { cache: "no-store" });
      if (answer.status === 401) {
        clearTimeout(this.timer);
        clearTimeout(this.lost);
        this.status("refused");
      }
    } catch {
      // The server is away; the timer goes on.
    }
  }
}
