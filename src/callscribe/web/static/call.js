// One call: following the live end, and what people can do to it. Its words are drawn by the server.

import { Correction } from "./correction.js";
import { setText } from "./pieces.js";
import { Player } from "./player.js";
import { announce, copy, isOver, remember, send } from "./shell.js";
import { WordList } from "./words.js";

const NEAR_PX = 96;

export class CallPage {
  constructor(page, banner) {
    this.page = page;
    this.banner = banner;
    this.head = document.getElementById("head");
    this.talk = document.getElementById("talk");
    this.missed = 0;
    this.following = !isOver() && this.visible;
    this.words = new WordList(this.talk, (ms) => this.hear(ms));
    this.correction = new Correction(this.talk, () => this.address, () => this.player.pause());
    this.player = new Player(page, this.words, (word) => this.heard(word));
    this.controls();
    this.follow();
  }

  // On a narrow screen the list hides it.
  get visible() {
    return this.head.getClientRects().length > 0;
  }

  // When the page is there.
  begin() {
    this.listen();
    if (!this.goTo() && this.following) this.toEnd();
  }

  // The recording, as soon as the server says that there is one.
  listen() {
    if (document.getElementById("recording")?.dataset.there === "yes") this.player.load();
  }

  // After pieces have changed.
  changed(said) {
    announce(said);
    this.words.changed();
    if (this.player.ready) this.player.names();
    this.listen();
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
    // The text goes along with the recording until the reader goes elsewhere.
    for (const kind of ["wheel", "touchmove"]) addEventListener(kind, () => this.letGo(), { passive: true });
    addEventListener("keydown", (event) => {
      if (["PageUp", "PageDown", "Home", "End", "ArrowUp", "ArrowDown", " "].includes(event.key)) this.letGo();
    });
    addEventListener("click", (event) => {
      const time = event.target.closest?.("#talk .time");
      if (time) this.player.seek(Number(time.dataset.ms));
      if (event.target.closest?.("#play, #again")) this.along = true;
    });
  }

  letGo() {
    if (!this.player.playing) return;
    this.along = false;
    this.jumpButton();
  }

  hear(ms) {
    this.along = true;
    this.player.hear(ms);
    this.jumpButton();
  }

  // The recording has come to a word.
  heard(word) {
    if (!this.player.playing || !this.along) {
      if (this.player.playing) this.jumpButton();
      return;
    }
    if (!this.inSight(word)) word.scrollIntoView({ block: "center" });
    this.jumpButton();
  }

  inSight(word) {
    const place = word.getBoundingClientRect();
    return place.top >= this.head.getBoundingClientRect().bottom
      && place.bottom <= document.getElementById("player").getBoundingClientRect().top;
  }

  toEnd() {
    scrollTo(0, document.documentElement.scrollHeight);
  }

  jump() {
    if (this.player.playing) {
      this.along = true;
      this.player.latest?.scrollIntoView({ block: "center" });
      this.jumpButton();
      return;
    }
    this.following = true;
    this.missed = 0;
    this.toEnd();
    this.jumpButton();
  }

  jumpButton() {
    const jump = document.getElementById("jump");
    if (this.player.playing) {
      const { latest } = this.player;
      jump.hidden = this.along || !latest || this.inSight(latest);
      setText(document.getElementById("jump-text"), "Go to what is heard");
      return;
    }
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
    if (Math.floor(this.player.atMs / 1000) !== Number(match[1])) this.player.seek(Number(match[1]) * 1000);
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
      } else if (button.id === "remark") {
        menu.open = false;
        this.remark();
      } else if (button.id === "delete") {
        menu.open = false;
        document.getElementById("delete-problem").hidden = true;
        document.getElementById("deleting").showModal();
      } else if (button.dataset.rename) {
        this.rename(button.dataset.rename);
      }
    });
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      menu.open = false;
      menu.querySelector("summary").focus();
    });
    this.deletion();
    this.remarks();
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

  remark() {
    const { tags, note } = document.getElementById("remarks").dataset;
    document.getElementById("remark-tags").value = tags;
    document.getElementById("remark-note").value = note;
    document.getElementById("remark-problem").hidden = true;
    document.getElementById("remarking").showModal();
  }

  remarks() {
    const dialog = document.getElementById("remarking");
    const problem = document.getElementById("remark-problem");
    document.getElementById("remark-cancel").addEventListener("click", () => dialog.close());
    dialog.querySelector("form").addEventListener("submit", async (event) => {
      event.preventDefault();
      const { dataset } = document.getElementById("remarks");
      const tags = document.getElementById("remark-tags").value.split(",").map((tag) => tag.trim()).filter((tag) => tag);
      const note = document.getElementById("remark-note").value;
      let failure = "";
      if (tags.join(", ") !== dataset.tags) failure = await send(`${this.address}/tags`, { tags });
      if (!failure && note !== dataset.note) failure = await send(`${this.address}/note`, { text: note });
      problem.textContent = failure;
      problem.hidden = failure === "";
      if (!failure) dialog.close();
    });
  }

  deletion() {
    const dialog = document.getElementById("deleting");
    const problem = document.getElementById("delete-problem");
    document.getElementById("delete-cancel").addEventListener("click", () => dialog.close());
    dialog.querySelector("form").addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = dialog.querySelector("[type=submit]");
      button.disabled = true;
      this.page.dataset.leaving = "yes"; // The server will say that the call is gone.
      const failure = await send(this.address, {}, "DELETE");
      button.disabled = false;
      problem.textContent = failure;
      problem.hidden = failure === "";
      if (failure) delete this.page.dataset.leaving;
      else location.assign("/");
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
