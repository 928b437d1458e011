// One call: its header, its people, its controls, and following the live end.

import { colour } from "./blocks.js";
import { Lag, announce, remember } from "./shell.js";
import { Transcript } from "./transcript.js";
import { ENDINGS, behind, clock, state } from "./wording.js";

const NEAR_PX = 96;

export class CallPage {
  constructor(talk, banner) {
    this.banner = banner;
    this.id = talk.dataset.call;
    this.sid = talk.dataset.sid;
    this.cursor = Number(talk.dataset.cursor);
    this.head = document.getElementById("head");
    this.missed = 0;
    this.lag = new Lag();
    this.peopleDirty = false;
    this.transcript = new Transcript(talk, {
      changed: (finals) => this.changed(finals),
      peopleChanged: () => (this.peopleDirty = true),
    });
    const name = this.head.dataset.state;
    this.call = {
      status: ["ended", "bad"].includes(name) ? "completed" : name === "ringing" ? "ringing" : "in-progress",
      paused: this.transcript.timeline.paused !== null, on_hold: this.transcript.timeline.hold,
    };
    this.following = !this.over && this.visible;
    this.controls();
    this.follow();
  }

  get over() {
    return this.call.status in ENDINGS;
  }

  // On a narrow screen the list hides it.
  get visible() {
    return this.head.offsetParent !== null || this.head.getClientRects().length > 0;
  }

  take(event, id) {
    this.lag.take(event);
    if (id !== null && id <= this.transcript.cursor) return;
    this.transcript.take(event, id);
    switch (event.type) {
      case "call_updated":
        this.call.status = event.status ?? this.call.status;
        this.call.on_hold = event.on_hold ?? this.call.on_hold;
        break;
      case "transcription_paused": this.call.paused = true; break;
      case "transcription_resumed": this.call.paused = false; break;
      case "call_ended":
        this.call.status = event.status ?? "completed";
        document.getElementById("length").textContent = event.duration_ms ? clock(event.duration_ms) : "";
        this.lag = new Lag();
        break;
    }
  }

  // After the transcript was patched.
  changed(finals) {
    const [word, name] = state(this.call);
    this.head.dataset.state = name;
    const element = document.getElementById("state");
    element.className = `state ${name}`;
    setWords(element.querySelector(".word"), word);
    const lag = document.getElementById("lag");
    setWords(lag, behind(this.lag.worst));
    lag.hidden = lag.textContent === "";
    this.pauseButton();
    const over = this.over;
    document.getElementById("waiting").hidden = over || this.transcript.timeline.utterances.size > 0;
    setWords(document.getElementById("waiting"),
      this.call.status === "ringing" ? "Ringing." : "Listening. Nothing has been said yet.");
    if (this.transcript.timeline.ending) {
      const line = document.getElementById("ending");
      setWords(line, this.transcript.timeline.ending);
      line.hidden = false;
    }
    if (this.peopleDirty) this.people();
    announce(finals);
    if (this.following) {
      this.toEnd();
    } else {
      this.missed += finals.length;
      this.jumpButton();
    }
  }

  people() {
    this.peopleDirty = false;
    const root = document.getElementById("people");
    for (const person of this.transcript.timeline.people.values()) {
      let item = [...root.children].find((each) => each.dataset.who === person.who);
      if (!item) {
        item = document.createElement("li");
        item.dataset.who = person.who;
        const button = document.createElement("button");
        button.type = "button";
        button.title = "Rename";
        const name = document.createElement("span");
        name.className = "name";
        name.dataset.name = person.who;
        const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
        icon.setAttribute("aria-hidden", "true");
        const use = icon.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "use"));
        use.setAttribute("href", "#i-edit");
        const words = document.createElement("span");
        words.className = "sr";
        words.textContent = "Rename ";
        button.append(words, name, icon);
        const about = document.createElement("span");
        about.className = "about";
        item.append(button, about);
        root.append(item);
      }
      item.className = `person ${colour(person.slot)}${person.left === null ? "" : " gone"}`;
      setWords(item.querySelector(".name"), person.speaker);
      setWords(item.querySelector(".about"), person.left !== null ? `left ${clock(person.left)}`
        : person.hold ? "on hold" : person.muted ? "muted" : "");
    }
    document.getElementById("swap").hidden = this.transcript.timeline.people.size !== 2;
  }

  tick() {
    if (this.over || this.head.dataset.state === "ringing") return;
    const elapsed = Date.now() - Date.parse(this.head.dataset.started);
    if (elapsed >= 0) setWords(document.getElementById("length"), clock(elapsed));
  }

  // Following the live end, only while the reader is there.
  follow() {
    const jump = document.getElementById("jump");
    jump.addEventListener("click", () => this.jump());
    addEventListener("scroll", () => {
      if (!this.visible) return;
      const there = document.documentElement.scrollHeight - innerHeight - scrollY < NEAR_PX;
      this.following = there;
      if (there) this.missed = 0;
      this.jumpButton();
    }, { passive: true });
    addEventListener("hashchange", () => this.goTo());
    if (!this.goTo() && this.following) this.toEnd();
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
    jump.hidden = this.following || !below || (this.over && !this.missed);
    const words = this.over ? "jump to the end" : "jump to now";
    setWords(document.getElementById("jump-text"),
      this.missed ? `${this.missed} new – ${words}` : words[0].toUpperCase() + words.slice(1));
  }

  // `#t=42`: the paragraph or note of that second.
  goTo() {
    const match = /^#t=(\d+)$/.exec(location.hash);
    if (!match) return false;
    let found = null;
    for (const time of this.transcript.root.querySelectorAll(".time")) {
      if (Math.floor(Number(time.dataset.ms) / 1000) <= Number(match[1])) found = time;
    }
    found ??= this.transcript.root.querySelector(".time");
    if (!found) return false;
    for (const marked of this.transcript.root.querySelectorAll(".there")) marked.classList.remove("there");
    found.parentElement.classList.add("there");
    found.parentElement.scrollIntoView({ block: "center" });
    this.following = false;
    return true;
  }

  controls() {
    document.getElementById("pause").addEventListener("click", (event) =>
      this.post(this.call.paused ? "resume" : "pause", {}, event.currentTarget));
    document.getElementById("swap").addEventListener("click", (event) => this.post("swap", {}, event.currentTarget));
    document.getElementById("words").addEventListener("click", (event) => {
      const raw = document.documentElement.dataset.words !== "raw";
      if (raw) document.documentElement.dataset.words = "raw";
      else delete document.documentElement.dataset.words;
      event.currentTarget.setAttribute("aria-pressed", String(raw));
      remember("words", raw ? "raw" : "written");
      this.transcript.repaint();
    });
    const dialog = document.getElementById("rename");
    const input = document.getElementById("rename-name");
    const problem = document.getElementById("rename-problem");
    document.getElementById("people").addEventListener("click", (event) => {
      const item = event.target.closest("button")?.closest(".person");
      if (!item) return;
      this.renaming = item.dataset.who;
      input.value = this.transcript.timeline.people.get(this.renaming).speaker;
      problem.hidden = true;
      dialog.showModal();
      input.select();
    });
    document.getElementById("rename-cancel").addEventListener("click", () => dialog.close());
    dialog.querySelector("form").addEventListener("submit", async (event) => {
      event.preventDefault();
      const cut = this.renaming.lastIndexOf(":");
      const body = { leg: this.renaming.slice(0, cut), track: this.renaming.slice(cut + 1), speaker: input.value };
      const failure = await send(`${this.address}/rename`, body);
      problem.textContent = failure;
      problem.hidden = failure === "";
      if (!failure) dialog.close();
    });
  }

  get address() {
    return `/api/calls/${encodeURIComponent(this.id)}`;
  }

  pauseButton() {
    const button = document.getElementById("pause");
    button.hidden = this.over;
    button.setAttribute("aria-pressed", String(this.call.paused));
    setWords(button.querySelector("span"), this.call.paused ? "Resume" : "Pause");
    button.querySelector("use").setAttribute("href", this.call.paused ? "#i-resume" : "#i-pause");
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

function setWords(element, words) {
  if (element.textContent !== words) element.textContent = words;
}
