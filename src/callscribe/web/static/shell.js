// What every page has: theme, words, the copy button, the connection's banner, the tab's title and icon.

const dark = matchMedia("(prefers-color-scheme: dark)");

export function remember(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `callscribe-${name}=${value}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

export function themeSwitch() {
  document.getElementById("theme")?.addEventListener("click", () => {
    const now = document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
    const next = now === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    remember("theme", next);
  });
}

export function copyButtons() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      const words = button.querySelector("span");
      getSelection().selectAllChildren(source);
      try {
        await navigator.clipboard.writeText(source.textContent);
        words.textContent = "Copied";
      } catch {
        // Without https there is no clipboard; the text is selected instead.
        words.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
      }
      setTimeout(() => (words.textContent = "Copy"), 2000);
    });
  }
}

// One line above the transcript; the newest reason wins, each can be taken back.
export class Banner {
  constructor() {
    this.element = document.getElementById("banner");
    this.reasons = new Map();
  }

  say(name, words) {
    if (words) this.reasons.set(name, words);
    else this.reasons.delete(name);
    if (!this.element) return;
    this.element.textContent = [...this.reasons.values()].at(-1) ?? "";
    this.element.hidden = this.reasons.size === 0;
  }

  connection(state) {
    this.say("connection", {
      open: "",
      lost: "Connection lost. Reconnecting; what is said meanwhile will appear here.",
      refused: "No permission any more. Open the link that the server printed at its latest start.",
    }[state]);
  }
}

export function favicon(live) {
  const icon = document.querySelector("link[rel=icon]");
  const address = `/favicon.svg?live=${live}`;
  if (icon.getAttribute("href") !== address) icon.setAttribute("href", address);
}

export function dotted(title, live) {
  return `${live ? "● " : ""}${title.replace(/^● /, "")}`;
}

// Screen readers hear finals only.
export function announce(finals) {
  const said = document.getElementById("said");
  for (const item of finals.slice(-3)) {
    const line = document.createElement("p");
    line.textContent = `${item.person.speaker}: ${item.text}`;
    said.append(line);
  }
  while (said.children.length > 6) said.firstElementChild.remove();
}

// How far decoding is behind: the worst of a call's tracks.
export class Lag {
  constructor() {
    this.tracks = new Map();
  }

  take(event) {
    if (!["partial", "final", "lag"].includes(event.type)) return;
    this.tracks.set(`${event.leg}:${event.track}`, event.lag_ms ?? 0);
  }

  get worst() {
    return Math.max(0, ...this.tracks.values());
  }
}
