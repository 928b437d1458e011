// What every page has: theme, the copy button, the connection's banner, the tab's title and icon.

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

// Copies text; the button says what came of it.
export async function copy(button, text, source = null) {
  const words = button.querySelector("span");
  const icon = button.querySelector("use");
  const before = [words.textContent, icon.getAttribute("href")];
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    done = copied(text, source);
  }
  words.textContent = done ? "Copied" : "Press Ctrl+C";
  if (done) icon.setAttribute("href", "#i-check");
  setTimeout(() => {
    [words.textContent] = before;
    icon.setAttribute("href", before[1]);
  }, 2000);
}

// Without https there is no clipboard; the text is selected instead.
function copied(text, source) {
  const place = source ?? document.body.appendChild(Object.assign(document.createElement("pre"), { textContent: text }));
  getSelection().selectAllChildren(place);
  const done = document.execCommand("copy");
  if (!source) place.remove();
  return done;
}

export function copyButtons() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    const source = document.getElementById(button.dataset.copy);
    button.addEventListener("click", () => copy(button, source.textContent, source));
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

  // `over`: nothing more will be said on this page.
  connection(state, over = false) {
    this.say("connection", {
      open: "",
      lost: over ? "Connection lost. Reconnecting."
        : "Connection lost. Reconnecting; what is said meanwhile will appear here.",
      refused: "You don't have access any more. Open the link that the server printed when it last started.",
    }[state]);
  }
}

export function favicon(live) {
  const icon = document.querySelector("link[rel=icon]");
  const address = `/favicon.svg?live=${live}`;
  if (icon.getAttribute("href") !== address) icon.setAttribute("href", address);
}

// Screen readers hear finals only.
export function announce(sentences) {
  const said = document.getElementById("said");
  for (const sentence of sentences.slice(-3)) {
    const line = document.createElement("p");
    line.textContent = sentence;
    said.append(line);
  }
  while (said.children.length > 6) said.firstElementChild.remove();
}

// Whether the call that is shown is over.
export function isOver() {
  return document.getElementById("status")?.dataset.over === "yes";
}

// "" when it worked, else what went wrong.
export async function send(address, body, method = "POST") {
  try {
    const answer = await fetch(address, {
      method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    if (answer.ok) return "";
    return (await answer.json()).message ?? `The server answered ${answer.status}.`;
  } catch {
    return "The server cannot be reached.";
  }
}
