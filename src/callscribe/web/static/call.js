// One call: following the live end, and what people can do to it. Its words are drawn by the server.

import { Correction } from "./correction.js";
import { Dialogs } from "./dialogs.js";
import { Finder } from "./finder.js";
import { setText } from "./pieces.js";
import { Player } from "./player.js";
import { announce, copy, isOver, remember, send } from "./shell.js";
import { Turns, lines } from "./turns.js";
import { WordList } from "./words.js";

const NEAR_PX = 96;

export class CallPage {
  // redraw(): the server draws the words anew.
  constructor(page, banner, redraw) {
    Object.assign(this, { page, banner, redraw });
    this.head = document.getElementById("head");
    this.talk = document.getElementById("talk");
    this.missed = 0;
    this.marked = null;
    this.following = !isOver() && this.visible;
    this.words = new WordList(this.talk, (ms) => this.hear(ms));
    this.correction = new Correction(this.talk, () => this.address, () => this.player.pause());
    this.player = new Player(page, this.words, (word) => this.heard(word));
    this.turns = new Turns(this.talk, this.words, (said) => this.correction.begin(said));
    this.finder = new Finder(page, this.talk, (word) => this.bring(word));
    this.dialogs = new Dialogs(page, () => this.address);
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
    this.turns.changed();
    this.finder.changed();
    this.correction.changed();
    if (this.marked !== null) this.mark();
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
      && place.bottom <= (this.player.ready ? this.player.root.getBoundingClientRect().top : innerHeight);
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

  // Into sight, if it is not there yet.
  bring(element) {
    this.following = false;
    if (!this.inSight(element)) element.scrollIntoView({ block: "center" });
    this.jumpButton();
  }

  // `#t=42`, `#t=42.5`: the paragraph or note of that second.
  goTo() {
    const match = /^#t=(\d+(?:\.\d+)?)$/.exec(location.hash);
    this.marked = match ? Number(match[1]) * 1000 : null;
    const row = this.mark();
    if (!row) return false;
    row.scrollIntoView({ block: "center" });
    this.following = false;
    if (Math.floor(this.player.atMs / 1000) !== Math.floor(this.marked / 1000)) this.player.seek(this.marked);
    return true;
  }

  // Marks the row of the moment that the address names; a row that was drawn anew has lost its mark.
  mark() {
    const rows = this.marked === null ? [] : [...this.talk.querySelectorAll(".time")];
    const second = Math.floor(this.marked / 1000);
    const time = rows.findLast((each) => Math.floor(Number(each.dataset.ms) / 1000) <= second) ?? rows[0];
    const row = time?.parentElement ?? null;
    for (const other of this.talk.querySelectorAll(".there")) if (other !== row) other.classList.remove("there");
    row?.classList.add("there");
    return row;
  }

  controls() {
    const menu = document.getElementById("menu");
    const acts = {
      pause: (button) => this.post(button.getAttribute("aria-pressed") === "true" ? "resume" : "pause", {}, button),
      swap: (button) => this.post("swap", {}, button),
      copy: (button) => copy(button, lines([...this.talk.children]).join("\n"), this.talk),
      contact: () => this.dialogs.rename(this.dialogs.unnamed, true),
      remark: () => this.dialogs.remark(),
      delete: () => this.dialogs.delete(),
    };
    addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!menu.contains(event.target) || (button && menu.contains(button))) menu.open = false;
      if (button?.dataset.rename) this.dialogs.rename(button);
      else acts[button?.id]?.(button);
    });
    menu.addEventListener("toggle", () => {
      const contact = document.getElementById("contact");
      if (contact) contact.hidden = !this.dialogs.unnamed;
    });
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      menu.open = false;
      menu.querySelector("summary").focus();
    });
    document.getElementById("words").addEventListener("change", (event) => {
      document.documentElement.dataset.words = event.target.value;
      remember("words", event.target.value);
      this.redraw();
    });
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
