// The live events, from where the page ends; reconnects without a hole or a double.

const PATIENCE_MS = 800; // A shorter silence is not worth a word.
const ASLEEP_MS = 60_000; // A machine that slept may hold a connection that is dead without knowing it.
const REST_MS = 30_000; // A hidden page that need not know gives its connection back after this time.

export class Stream {
  // take(event, id), restart(): what was unfinished may be stale, status("open" | "lost" | "refused").
  // idle(): nobody would miss anything on this page. Browsers open six connections to a server, no more.
  constructor({ after, partials, take, restart, status, idle = () => false }) {
    Object.assign(this, { after: String(after), partials, take, restart, status, idle });
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
    const query = new URLSearchParams({ after: this.after });
    if (this.partials) query.set("partials", this.partials);
    const source = (this.source = new EventSource(`/api/events?${query}`));
    source.onopen = () => {
      clearTimeout(this.lost);
      this.lost = 0;
      this.wait = 1000;
      if (this.opened) this.restart();
      this.opened = true;
      this.status("open");
    };
    source.onmessage = (message) => {
      // An event without an id of its own is handed over with the one before.
      const numbered = message.lastEventId !== this.after;
      this.after = message.lastEventId;
      this.take(JSON.parse(message.data), numbered ? Number(this.after) : null);
    };
    source.addEventListener("resync", () => this.restart());
    // The server has another record now; what this page shows is not in it.
    source.addEventListener("reset", () => location.reload());
    source.onerror = () => {
      this.lost ||= setTimeout(() => this.status("lost"), PATIENCE_MS);
      if (source.readyState === EventSource.CLOSED) this.retry();
    };
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
