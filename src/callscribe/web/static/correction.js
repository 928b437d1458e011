// Correcting an utterance where it stands: double click, or E on one of its words.

import { send } from "./shell.js";
import { plainText } from "./words.js";

export class Correction {
  // address(): of the call's API; begun(): someone starts to type.
  constructor(talk, address, begun) {
    Object.assign(this, { talk, address, begun });
    this.form = document.getElementById("correct");
    if (!this.form) return;
    this.text = document.getElementById("correct-text");
    this.problem = document.getElementById("correct-problem");
    talk.addEventListener("dblclick", (event) => this.begin(event.target));
    talk.addEventListener("click", (event) => event.target.closest(".pen") && this.begin(event.target));
    document.getElementById("correct-cancel").addEventListener("click", () => this.end());
    document.getElementById("correct-back").addEventListener("click", () => {
      this.text.value = this.recognised;
      this.text.focus();
    });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    this.form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.end();
      else if (event.key === "Enter" && event.target === this.text && !event.isComposing) {
        event.preventDefault();
        this.form.requestSubmit();
      }
    });
  }

  begin(element) {
    const said = element?.closest?.("#talk .u:not(.partial)");
    if (!said || !this.form || document.documentElement.dataset.words === "raw") return;
    this.begun();
    document.getElementById("turn").hidden = true;
    getSelection().removeAllRanges();
    this.said = said.id;
    this.from = document.activeElement;
    this.before = plainText(said);
    this.recognised = said.dataset.recognised ?? this.before;
    this.text.value = this.before;
    this.problem.hidden = true;
    document.getElementById("correct-back").hidden = this.recognised === this.before;
    this.form.hidden = false;
    this.place();
    this.text.focus();
  }

  // Below the paragraph, which makes room.
  place() {
    const row = document.getElementById(this.said)?.closest(".para");
    if (!row) this.end();
    else if (this.form.parentElement !== row) {
      const typing = this.form.contains(document.activeElement);
      row.append(this.form);
      if (typing) this.text.focus();
    }
  }

  // After rows have come or changed: the utterance may stand in another one.
  changed() {
    if (this.form && !this.form.hidden) this.place();
  }

  async save() {
    const text = this.text.value.replace(/\s+/g, " ").trim();
    if (text === this.before) {
      this.end();
      return;
    }
    // What was recognised is no correction.
    const failure = await send(`${this.address()}/utterances/${encodeURIComponent(this.said.slice(2))}/text`,
      { text: text === this.recognised ? "" : text });
    this.problem.textContent = failure;
    this.problem.hidden = failure === "";
    if (!failure) this.end();
  }

  end() {
    this.form.hidden = true;
    this.talk.after(this.form);
    if (this.from?.isConnected) this.from.focus();
    else this.talk.querySelector("[tabindex]")?.focus();
  }
}
