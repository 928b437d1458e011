// One call: following the live end, and what people can do to it. Its words are drawn by the server.

import { setText } from "./pieces.js";
import { announce, copy, isOver, remember } from "./shell.js";

const NEAR_PX = 96;

export class CallPage {
  constructor(page, banner) {
    this.page = page;
    this.banner = banner;
    this.head = document.getElementById("head");
    this.talk = document.getElementById("talk");
    this.missed = 0;
    this.following = !isOver() && this.visible;
    this.controls();
    this.follow();
  }

  // On a narrow screen the list hides it.
  get visible() {
    return this.head.getClientRects().length > 0;
  }

  // When the page is there.
  begin() {
    if (!this.goTo() && this.following) this.toEnd();
  }

  // After pieces have changed.
  changed(said) {
    announce(said);
    if (this.following) {
      this.toEnd();
    } else {
      this.missed += said.length;
      this.jumpButton();
    }
  }

  // Following the live end, only while the reader is there.
  follow() {
    document.getElementById("jump").addEventListener("click", () => this.jump());
    addEventListener("scroll", () => {
      if (!this.visible) return;
      const there = document.documentElement.scrollHeight - innerHeight - scrollY < NEAR_PX;
      this.following = there;
      if (there) this.missed = 0;
      this.jumpButton();
    }, { passive: true });
    addEventListener("hashchange", () => this.goTo());
  }

  toEnd() {
    scrollTo(0, document.documentElement.scrollHeight);
  }

  jump() {
    this.following = true;
    this.missed = 0;
    this.toEnd();
    this.jumpButton();
  }

  jumpButton() {
    const jump = document.getElementById("jump");
    const below = document.documentElement.scrollHeight - innerHeight - scrollY > NEAR_PX;
    jump.hidden = this.following || !below || (isOver() && !this.missed);
    const words = isOver() ? "go to the end" : "go to the live end";
    setText(document.getElementById("jump-text"),
      this.missed ? `${this.missed} new – ${words}` : words[0].toUpperCase() + words.slice(1));
  }

  // `#t=42`: the paragraph or note of that second.
  goTo() {
    const match = /^#t=(\d+)$/.exec(location.hash);
    if (!match) return false;
    let found = null;
    for (const time of this.talk.querySelectorAll(".time")) {
      if (Math.floor(Number(time.dataset.ms) / 1000) <= Number(match[1])) found = time;
    }
    found ??= this.talk.querySelector(".time");
    if (!found) return false;
    for (const marked of this.talk.querySelectorAll(".there")) marked.classList.remove("there");
    found.parentElement.classList.add("there");
    found.parentElement.scrollIntoView({ block: "center" });
    this.following = false;
    return true;
  }

  controls() {
    const menu = document.getElementById("menu");
    addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!menu.contains(event.target)) menu.open = false;
      if (!button) return;
      if (button.id === "pause") {
        this.post(button.getAttribute("aria-pressed") === "true" ? "resume" : "pause", {}, button);
      } else if (button.id === "swap") {
        menu.open = false;
        this.post("swap", {}, button);
      } else if (button.id === "words") {
        remember("words", document.documentElement.dataset.words === "raw" ? "written" : "raw");
        location.reload();
      } else if (button.id === "copy") {
        copy(button, this.text(), this.talk);
      } else if (button.dataset.rename) {
        this.rename(button.dataset.rename);
      }
    });
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      menu.open = false;
      menu.querySelector("summary").focus();
    });
    const dialog = document.getElementById("rename");
    const problem = document.getElementById("rename-problem");
    document.getElementById("rename-cancel").addEventListener("click", () => dialog.close());
    dialog.querySelector("form").addEventListener("submit", async (event) => {
      event.preventDefault();
      const cut = this.renaming.lastIndexOf(":");
      const speaker = document.getElementById("rename-name").value;
      const body = { leg: this.renaming.slice(0, cut), track: this.renaming.slice(cut + 1), speaker };
      const failure = await send(`${this.address}/rename`, body);
      problem.textContent = failure;
      problem.hidden = failure === "";
      if (!failure) dialog.close();
    });
  }

  rename(who) {
    this.renaming = who;
    const input = document.getElementById("rename-name");
    input.value = document.querySelector(`#people [data-name="${CSS.escape(who)}"]`).textContent;
    document.getElementById("rename-problem").hidden = true;
    document.getElementById("rename").showModal();
    input.select();
  }

  // The transcript, to be pasted elsewhere.
  text() {
    let name = "";
    return [...this.talk.children].map((row) => {
      const time = row.querySelector(".time").textContent;
      const words = row.querySelector(".words, .time + span").textContent.replace(/\s+/g, " ").trim();
      if (row.classList.contains("note")) return `${time}  [${words}]`;
      name = row.querySelector(".name [data-name]")?.textContent ?? name;
      return `${time}  ${name}: ${words}`;
    }).join("\n");
  }

  get address() {
    return `/api/calls/${encodeURIComponent(this.page.dataset.call)}`;
  }

  async post(what, body, button) {
    button.disabled = true;
    const failure = await send(`${this.address}/${what}`, body);
    button.disabled = false;
    this.banner.say("refusal", failure);
    if (failure) setTimeout(() => this.banner.say("refusal", ""), 8000);
  }
}

// "" when it worked, else what went wrong.
async function send(address, body) {
  try {
    const answer = await fetch(address, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    if (answer.ok) return "";
    return (await answer.json()).message ?? `The server answered ${answer.status}.`;
  } catch {
    return "The server cannot be reached.";
  }
}
