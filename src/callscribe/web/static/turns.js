// What can be done with one turn: copy it, copy a link to it, correct it. One set of buttons stands beside the turn
// under the mouse, or with the focus; from a word the tab key leads to it.

import { copy } from "./shell.js";
import { plainText } from "./words.js";

export class Turns {
  // correct(utterance): someone wants to put it right.
  constructor(talk, words, correct) {
    Object.assign(this, { talk, words });
    this.bar = document.getElementById("turn");
    talk.addEventListener("pointerover", (event) => this.at(event.target.closest(".para")));
    talk.addEventListener("focusin", (event) => this.at(event.target.closest(".para")));
    this.bar.parentElement.addEventListener("pointerleave", () => this.hide());
    addEventListener("keydown", (event) => event.key === "Escape" && this.hide());
    document.getElementById("turn-copy").addEventListener("click", (event) => copy(event.currentTarget, this.text()));
    document.getElementById("turn-link").addEventListener("click", (event) => copy(event.currentTarget, this.link()));
    document.getElementById("turn-edit")?.addEventListener("click", () => correct(this.utterance));
  }

  at(row) {
    if (!row) return;
    this.row = row;
    this.bar.hidden = false;
    this.bar.style.top = `${row.offsetTop}px`;
  }

  hide() {
    if (!this.bar.contains(document.activeElement)) this.bar.hidden = true;
  }

  // After rows have come or changed.
  changed() {
    if (this.bar.hidden) return;
    if (this.row.isConnected) this.at(this.row);
    else this.bar.hidden = true;
  }

  // The one of the word that was chosen, else the row's first.
  get utterance() {
    const chosen = this.words.here;
    return (this.row.contains(chosen) ? chosen : this.row.querySelector(".u"))?.closest(".u");
  }

  link() {
    return `${location.origin}${location.pathname}${this.row.querySelector(".time").hash}`;
  }

  text() {
    let first = this.row;
    while (!first.classList.contains("first") && first.previousElementSibling) first = first.previousElementSibling;
    const rows = [first];
    for (let next = first.nextElementSibling; next?.matches(".para:not(.first)"); next = next.nextElementSibling) rows.push(next);
    return lines(rows).join("\n");
  }
}

// Rows as text, to be pasted elsewhere.
export function lines(rows) {
  let name = "";
  return rows.map((row) => {
    const time = row.querySelector(".time").textContent;
    const words = plainText(row.querySelector(".words, .time + span"));
    if (row.classList.contains("note")) return `${time}  [${words}]`;
    name = row.querySelector(".name [data-name]")?.textContent ?? name;
    return `${time}  ${name}: ${words}`;
  });
}
