// The conversation on the page. It takes over the transcript that the server rendered and patches it as events
// come: text nodes change in place, nothing above the line being spoken moves, and a selection stays where it is.

import { fillNote, fillTurn, layout } from "./blocks.js";
import { Timeline } from "./timeline.js";
import { paintWords } from "./words.js";

export class Transcript {
  // changed(finals): after the page was patched; peopleChanged(): before that, when someone came, went, was renamed.
  // `last`: show only that many blocks.
  constructor(root, { last = 0, changed = () => {}, peopleChanged = () => {} } = {}) {
    this.root = root;
    this.last = last;
    this.changed = changed;
    this.peopleChanged = peopleChanged;
    this.call = root.dataset.call;
    this.cursor = Number(root.dataset.cursor);
    this.timeline = new Timeline({
      flow: root.dataset.flow, hold: root.dataset.hold === "yes",
      paused: root.dataset.paused === "" ? null : Number(root.dataset.paused), now: Number(root.dataset.now),
    });
    this.blocks = [];
    this.scheduled = false;
    this.hydrate();
  }

  get raw() {
    return document.documentElement.dataset.words === "raw";
  }

  hydrate() {
    const { timeline } = this;
    for (const element of document.querySelectorAll("#people .person")) {
      const { who, speaker, number, slot, muted, hold, left } = element.dataset;
      timeline.people.set(who, {
        who, speaker, number, slot: Number(slot), muted: muted === "yes", hold: hold === "yes",
        left: left === "" ? null : Number(left),
      });
      timeline.slots.set(speaker, Number(slot));
    }
    for (const block of this.root.children) {
      if (block.classList.contains("note")) {
        const { key, kind, ms, who, until } = block.dataset;
        const note = {
          key, kind, start: Number(ms), rank: kind === "left" ? 2 : 0,
          sequence: ++timeline.sequence, until: Number(until ?? 0),
          person: who ? timeline.people.get(who) : null, text: block.lastElementChild.textContent,
        };
        timeline.notes.set(key, note);
        if (kind === "dtmf" && note.person) timeline.digits.set(who, note);
        continue;
      }
      const person = timeline.people.get(block.dataset.who);
      for (const element of block.querySelectorAll(".u")) {
        const { id, start, end, rev, raw } = element.dataset;
        timeline.utterances.set(id, {
          key: id, start: Number(start), end: Number(end), rank: 1, person, element, raw,
          text: null, // What the server rendered; kept until the words change.
          tokens: [], settled: 0, revision: Number(rev),
          final: element.classList.contains("final"),
        });
      }
    }
    const blocks = layout(timeline.items(), this.last);
    if (blocks.length === this.root.children.length) {
      blocks.forEach((block, index) => (block.element = this.root.children[index]));
      this.blocks = blocks;
    } else {
      this.schedule();
    }
  }

  // Takes an event of this call; ones the page already shows are ignored.
  take(event, id) {
    if (id !== null && id <= this.cursor) return;
    if (id !== null) this.cursor = id;
    this.timeline.take(event);
    if (event.type === "speaker_renamed") this.rename(event);
    this.schedule();
  }

  rename(event) {
    const who = `${event.leg}:${event.track ?? "inbound"}`;
    for (const element of document.querySelectorAll("[data-name]")) {
      if (element.dataset.name === who) element.textContent = event.speaker;
    }
  }

  dropPartials() {
    this.timeline.dropPartials();
    this.schedule();
  }

  // Shows all words again, after written or raw was chosen.
  async repaint() {
    const { timeline } = this;
    const unknown = [...timeline.utterances.values()].some((item) => item.text === null);
    if (unknown) {
      // The page came with one form only.
      const answer = await fetch(`/api/calls/${encodeURIComponent(this.root.dataset.sid)}`);
      if (!answer.ok) return;
      for (const final of (await answer.json()).utterances) {
        const item = timeline.utterances.get(final.utterance);
        if (item) Object.assign(item, { text: final.text, raw: final.raw_text, tokens: final.tokens ?? [] });
      }
    }
    for (const item of timeline.utterances.values()) if (item.text !== null) timeline.dirty.add(item);
    this.schedule();
  }

  schedule() {
    if (this.scheduled) return;
    this.scheduled = true;
    const paint = () => {
      this.scheduled = false;
      this.paint();
    };
    if (document.hidden) setTimeout(paint, 250);
    else requestAnimationFrame(paint);
  }

  paint() {
    const { timeline } = this;
    for (const item of timeline.dirty) paintWords(item, this.raw);
    timeline.dirty.clear();
    this.reconcile(layout(timeline.items(), this.last));
    if (timeline.peopleChanged) {
      timeline.peopleChanged = false;
      this.peopleChanged();
    }
    const finals = timeline.finals;
    timeline.finals = [];
    this.changed(finals);
  }

  reconcile(blocks) {
    const old = this.blocks;
    if (!old.length) this.root.replaceChildren();
    let head = 0;
    while (head < old.length && head < blocks.length && old[head].signature === blocks[head].signature) {
      blocks[head].element = old[head].element;
      head += 1;
    }
    let tail = 0;
    while (tail < old.length - head && tail < blocks.length - head
      && old.at(-1 - tail).signature === blocks.at(-1 - tail).signature) {
      blocks.at(-1 - tail).element = old.at(-1 - tail).element;
      tail += 1;
    }
    const reusable = new Map();
    for (const block of old.slice(head, old.length - tail)) reusable.set(block.key, block.element);
    let next = head ? blocks[head - 1].element.nextSibling : this.root.firstChild;
    for (const block of blocks.slice(head, blocks.length - tail)) {
      const known = reusable.get(block.key);
      const fits = known && known.classList.contains("note") === Boolean(block.note);
      block.element = fits ? known : document.createElement(block.note ? "p" : "section");
      if (fits) reusable.delete(block.key);
      if (block.note) fillNote(block.element, block.note);
      else fillTurn(block.element, block);
      if (block.element === next) next = next.nextSibling;
      else this.root.insertBefore(block.element, next);
    }
    for (const element of reusable.values()) element.remove();
    this.blocks = blocks;
  }
}
