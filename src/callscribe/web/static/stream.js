// The live events, from where the page ends; reconnects without a hole or a double.

const PATIENCE_MS = 800; // A shorter silence is not worth a word.

export class Stream {
  // take(event, id), restart(): what was unfinished may be stale, status("open" | "lost" | "refused").
  constructor({ after, partials, take, restart, status }) {
    Object.assign(this, { after: String(after), partials, take, restart, status });
    this.wait = 1000;
    this.hiddenAt = 0;
    this.connect();
    addEventListener("online", () => this.again());
    addEventListener("pagehide", () => this.source.close());
    addEventListener("pageshow", (event) => event.persisted && this.again());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.hiddenAt = Date.now();
      // A machine that slept may hold a connection that is dead without knowing it.
      else if (Date.now() - this.hiddenAt > 60_000) this.again();
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
