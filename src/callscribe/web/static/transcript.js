// The conversation. It takes over the transcript that the server rendered (timeline.py lays it out by the
// same rules) and patches it as events come: text nodes change in place, nothing above the line being
// spoken moves, and a selection stays where it is.

import { ending, span, clock } from "./wording.js";

const PARAGRAPH_PAUSE_MS = 2000;
const PARAGRAPH_MS = 45_000;
const OVERLAP_MS = 200;
const DIGITS_MS = 3000;
const SLOTS = 8;

export class Transcript {
  // changed(finals): after the page was patched; peopleChanged(): someone came, went, was renamed.
  // `last`: show only that many blocks.
  constructor(root, { last = 0, changed = () => {}, peopleChanged = () => {} } = {}) {
    this.root = root;
    this.last = last;
    this.changed = changed;
    this.peopleChanged = peopleChanged;
    this.call = root.dataset.call;
    this.cursor = Number(root.dataset.cursor);
    this.now = Number(root.dataset.now);
    this.flow = root.dataset.flow;
    this.hold = root.dataset.hold === "yes";
    this.paused = root.dataset.paused === "" ? null : Number(root.dataset.paused);
    this.people = new Map();
    this.slots = new Map();
    this.utterances = new Map();
    this.notes = new Map();
    this.digits = new Map();
    this.sequence = 0;
    this.items = [];
    this.blocks = [];
    this.dirty = new Set();
    this.finals = [];
    this.ended = false;
    this.scheduled = false;
    this.hydrate();
  }

  get raw() {
    return document.documentElement.dataset.words === "raw";
  }

  hydrate() {
    for (const element of document.querySelectorAll("#people .person")) {
      const { who, speaker, number, slot, muted, hold, left } = element.dataset;
      this.people.set(who, {
        who, speaker, number, slot: Number(slot), muted: muted === "yes", hold: hold === "yes",
        left: left === "" ? null : Number(left),
      });
      this.slots.set(speaker, Number(slot));
    }
    for (const block of this.root.children) {
      if (block.classList.contains("note")) {
        const { key, kind, ms, who, until } = block.dataset;
        const note = {
          key, kind, start: Number(ms), rank: kind === "left" ? 2 : 0,
          sequence: ++this.sequence, until: Number(until ?? 0),
          person: who ? this.people.get(who) : null, text: block.lastElementChild.textContent,
        };
        this.notes.set(key, note);
        if (kind === "dtmf" && note.person) this.digits.set(who, note);
        continue;
      }
      const person = this.people.get(block.dataset.who);
      for (const element of block.querySelectorAll(".u")) {
        const { id, start, end, rev, raw } = element.dataset;
        this.utterances.set(id, {
          key: id, start: Number(start), end: Number(end), rank: 1, person, element, raw,
          text: null, // What the server rendered; kept until the words change.
          tokens: [], settled: 0, revision: Number(rev),
          final: element.classList.contains("final"),
        });
      }
    }
    this.reorder();
    const blocks = this.layout();
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
    switch (event.type) {
      case "call_started": this.flow = event.flow ?? "answer"; break;
      case "call_updated": this.updated(event); break;
      case "participant_joined": this.joined(event); break;
      case "participant_updated": this.participantUpdated(event); break;
      case "participant_left": this.left(event); break;
      case "speaker_renamed": this.renamed(event); break;
      case "partial": this.said(event, false); break;
      case "final": this.said(event, true); break;
      case "gap": this.gap(event); break;
      case "dtmf": this.digit(event); break;
      case "transcription_paused":
        this.paused = event.at_ms;
        this.note(`paused-${event.at_ms}`, "paused", event.at_ms, "Paused: nothing is transcribed or kept.");
        break;
      case "transcription_resumed": {
        const after = event.at_ms - (this.paused ?? event.at_ms);
        this.note(`resumed-${event.at_ms}`, "resumed", event.at_ms,
          `Transcription resumed after ${span(after)}.`);
        this.paused = null;
        break;
      }
      case "stream_ended":
        if (event.reason.startsWith("refused")) {
          const why = event.reason.split(":").slice(1).join(":").trim() || "no reason given";
          this.note(`refused-${event.stream}`, "gap", this.now, `The audio stream was refused: ${why}.`);
        }
        break;
      case "call_ended":
        this.ended = true;
        this.dropPartials();
        this.ending = ending(event);
        break;
    }
    this.schedule();
  }

  person(event, speaker = event.speaker ?? "Someone") {
    const who = `${event.leg}:${event.track ?? "inbound"}`;
    let person = this.people.get(who);
    if (!person) {
      const slot = this.slots.get(speaker) ?? new Set(this.slots.values()).size;
      this.slots.set(speaker, slot);
      person = { who, speaker, number: "", slot, muted: false, hold: false, left: null };
      this.people.set(who, person);
      this.peopleChanged();
    }
    return person;
  }

  note(key, kind, ms, text, person = null) {
    const note = {
      key, kind, start: ms, rank: kind === "left" ? 2 : 0, sequence: ++this.sequence, text, person, until: 0,
    };
    this.notes.set(key, note);
    this.now = Math.max(this.now, ms);
    this.unsorted = true;
    return note;
  }

  said(event, final) {
    const known = this.utterances.get(event.utterance);
    if (known && (known.final || (!final && known.revision >= event.revision))) return;
    if (!final && this.ended) return;
    if (!final && !event.text && !event.raw_text) {
      this.forget(known);
      return;
    }
    const item = known ?? { key: event.utterance, rank: 1, element: null, start: -1 };
    if (item.start !== event.start_ms) this.unsorted = true;
    Object.assign(item, {
      person: this.person(event), start: event.start_ms, end: event.end_ms, text: event.text,
      raw: event.raw_text, tokens: event.tokens ?? [], settled: event.settled ?? 0, final,
      revision: event.revision,
    });
    this.utterances.set(event.utterance, item);
    this.dirty.add(item);
    if (final) {
      this.now = Math.max(this.now, event.end_ms);
      this.finals.push(item);
    }
  }

  forget(item) {
    if (!item) return;
    this.utterances.delete(item.key);
    this.dirty.delete(item);
    this.unsorted = true;
  }

  dropPartials() {
    for (const item of [...this.utterances.values()]) if (!item.final) this.forget(item);
    this.schedule();
  }

  joined(event) {
    const back = this.people.has(`${event.leg}:${event.track ?? "inbound"}`);
    const person = this.person(event);
    Object.assign(person, {
      speaker: event.speaker, number: event.number ?? "", muted: event.muted ?? false,
      hold: event.on_hold ?? false, left: null,
    });
    const ms = event.joined_ms ?? 0;
    if (back || this.flow === "conference") {
      this.note(`joined-${person.who}-${ms}`, "joined", ms, back ? "is back." : "joined.", person);
    }
    this.peopleChanged();
  }

  participantUpdated(event) {
    const person = this.person(event, "Someone");
    const ms = event.at_ms || this.now;
    const muted = event.muted ?? person.muted;
    if (muted !== person.muted) {
      person.muted = muted;
      this.note(`muted-${person.who}-${ms}`, "muted", ms, muted ? "is muted." : "is no longer muted.", person);
    }
    const hold = event.on_hold ?? person.hold;
    if (hold !== person.hold) {
      person.hold = hold;
      this.note(`hold-${person.who}-${ms}`, "hold", ms, hold ? "is on hold." : "is back from hold.", person);
    }
    this.peopleChanged();
  }

  left(event) {
    const person = this.person(event, "Someone");
    if (this.flow === "conference") {
      person.left = event.left_ms ?? 0;
      this.note(`left-${person.who}-${person.left}`, "left", person.left, "left.", person);
    }
    this.peopleChanged();
  }

  renamed(event) {
    const person = this.person(event);
    person.speaker = event.speaker;
    if (!this.slots.has(event.speaker)) this.slots.set(event.speaker, person.slot);
    for (const element of document.querySelectorAll("[data-name]")) {
      if (element.dataset.name === person.who) element.textContent = event.speaker;
    }
    this.peopleChanged();
  }

  gap(event) {
    if (event.reason === "paused") return;
    const length = span(event.end_ms - event.start_ms);
    if (event.reason === "socket-lost") {
      this.note(`gap-${event.leg}-${Math.floor(event.start_ms / 500)}`, "gap", event.start_ms,
        `${length} missing: the connection to the carrier was lost.`);
      return;
    }
    const person = this.person(event, "Someone");
    const words = event.reason === "missing" ? `${length} missing.`
      : `${length} not transcribed: this machine could not keep up.`;
    this.note(`gap-${person.who}-${event.start_ms}`, "gap", event.start_ms, words, person);
  }

  digit(event) {
    const person = this.person(event, "Someone");
    let note = this.digits.get(person.who);
    if (note && event.at_ms - note.until <= DIGITS_MS) {
      note.text = `${note.text.slice(0, -1)} ${event.digit}.`;
    } else {
      note = this.note(`dtmf-${person.who}-${event.at_ms}`, "dtmf", event.at_ms, `pressed ${event.digit}.`, person);
      this.digits.set(person.who, note);
    }
    note.until = event.at_ms;
  }

  updated(event) {
    if (event.on_hold !== undefined && event.on_hold !== null && event.on_hold !== this.hold) {
      this.hold = event.on_hold;
      const key = `call-hold-${this.now}-${event.on_hold ? "True" : "False"}`;
      this.note(key, "hold", this.now, event.on_hold ? "On hold." : "Back from hold.");
    }
    if (event.dial) this.dialled(event.dial);
  }

  dialled(dial) {
    const name = dial.to || "The other side";
    const endings = {
      busy: "was busy.", "no-answer": "did not answer.", failed: "could not be reached.",
      canceled: "was not reached: the caller hung up first.",
    };
    let words = `${name} ${endings[dial.status]}`;
    let ms = this.now;
    if (dial.answered_ms !== undefined && dial.answered_ms !== null) {
      [ms, words] = [dial.answered_ms, `${name} answered.`];
    } else if (["initiated", "queued", "ringing"].includes(dial.status)) {
      words = `Calling ${name}.`;
    } else if (!(dial.status in endings)) {
      return;
    }
    const key = `dial-${dial.leg || dial.to || ""}-${words}`;
    if (!this.notes.has(key)) this.note(key, "dial", ms, words);
  }

  // Shows all words again, after written or raw was chosen.
  async repaint() {
    const unknown = [...this.utterances.values()].some((item) => item.text === null);
    if (unknown) {
      // The page came with one form only.
      const answer = await fetch(`/api/calls/${encodeURIComponent(this.root.dataset.sid)}`);
      if (!answer.ok) return;
      for (const final of (await answer.json()).utterances) {
        const item = this.utterances.get(final.utterance);
        if (item) Object.assign(item, { text: final.text, raw: final.raw_text, tokens: final.tokens ?? [] });
      }
    }
    for (const item of this.utterances.values()) if (item.text !== null) this.dirty.add(item);
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
    for (const item of this.dirty) this.paintUtterance(item);
    this.dirty.clear();
    this.reorder();
    this.reconcile(this.layout());
    const finals = this.finals;
    this.finals = [];
    this.changed(finals);
  }

  reorder() {
    if (this.unsorted !== false) {
      this.items = [...this.utterances.values(), ...this.notes.values()];
      this.items.sort((a, b) =>
        a.start - b.start || a.rank - b.rank || (a.sequence ?? 0) - (b.sequence ?? 0) || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
      this.unsorted = false;
    }
  }

  layout() {
    const blocks = [];
    let last = null;
    let lastEnd = 0;
    for (const item of this.items) {
      if (item.rank !== 1) {
        blocks.push({ key: item.key, note: item, signature: `${item.key}|${item.text}` });
        continue;
      }
      let turn = blocks.at(-1);
      if (!turn || turn.note || turn.person !== item.person) {
        turn = { key: item.key, person: item.person, paragraphs: [], over: false, under: false };
        if (last && last.person !== item.person) {
          last.under = turn.over = lastEnd - item.start > OVERLAP_MS;
        }
        blocks.push(turn);
        last = turn;
        lastEnd = item.end;
      }
      let paragraph = turn.paragraphs.at(-1);
      if (!paragraph || item.start - paragraph.at(-1).end > PARAGRAPH_PAUSE_MS
        || item.start - paragraph[0].start > PARAGRAPH_MS) {
        turn.paragraphs.push((paragraph = []));
      }
      paragraph.push(item);
      lastEnd = Math.max(lastEnd, item.end);
    }
    const shown = this.last ? blocks.slice(-this.last) : blocks;
    for (const block of shown) {
      block.signature ??= [
        block.person.who, block.over, block.under,
        ...block.paragraphs.map((items) => `${items[0].start},${items.map((item) => item.key).join()}`),
      ].join("|");
    }
    return shown;
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
      if (block.note) this.fillNote(block.element, block.note);
      else this.fillTurn(block.element, block);
      if (block.element === next) next = next.nextSibling;
      else this.root.insertBefore(block.element, next);
    }
    for (const element of reusable.values()) element.remove();
    this.blocks = blocks;
  }

  fillNote(element, note) {
    element.className = `note ${note.kind}`;
    Object.assign(element.dataset, { key: note.key, kind: note.kind, ms: note.start });
    element.replaceChildren(timeLink(note.start));
    if (note.person) {
      const who = document.createElement("b");
      who.dataset.name = element.dataset.who = note.person.who;
      who.textContent = note.person.speaker;
      element.append(who, note.kind === "gap" ? ": " : " ");
    }
    const words = document.createElement("span");
    words.textContent = note.text;
    element.append(words);
  }

  fillTurn(element, turn) {
    const { person } = turn;
    element.className = `turn ${colour(person.slot)}${turn.over ? " over" : ""}${turn.under ? " under" : ""}`;
    element.dataset.who = person.who;
    let name = element.querySelector("h3");
    if (!name) {
      name = document.createElement("h3");
      name.className = "name";
      name.append(document.createElement("span"));
      element.append(name);
    }
    name.firstChild.dataset.name = person.who;
    if (name.firstChild.textContent !== person.speaker) name.firstChild.textContent = person.speaker;
    if (turn.over && !name.children[1]) {
      const words = document.createElement("span");
      words.className = "sr";
      words.textContent = " (at the same time)";
      name.append(words);
    } else if (!turn.over) {
      name.children[1]?.remove();
    }
    turn.paragraphs.forEach((items, index) => {
      let paragraph = element.children[index + 1];
      if (!paragraph) {
        paragraph = document.createElement("p");
        paragraph.className = "para";
        paragraph.append(timeLink(items[0].start));
        element.append(paragraph);
      }
      const time = paragraph.firstElementChild;
      if (time.dataset.ms !== String(items[0].start)) time.replaceWith(timeLink(items[0].start));
      items.forEach((item, place) => {
        const there = paragraph.children[place + 1] ?? null;
        if (there !== item.element) paragraph.insertBefore(item.element, there);
      });
      while (paragraph.children.length > items.length + 1) paragraph.lastElementChild.remove();
    });
    while (element.children.length > turn.paragraphs.length + 1) element.lastElementChild.remove();
  }

  paintUtterance(item) {
    let { element } = item;
    if (!element) {
      element = item.element = document.createElement("span");
      element.dataset.id = item.key;
      element.append(part("settled"), part("open"), " ");
    }
    const text = this.raw ? item.raw : item.text;
    const fillers = item.final && !this.raw ? cut(text, item.tokens) : [];
    let settled = element.querySelector(":scope > .settled");
    if (fillers.some(([, filler]) => filler)) {
      element.replaceChildren(
        ...fillers.map(([words, filler]) => {
          if (!filler) return document.createTextNode(words);
          const mark = part("filler");
          mark.firstChild.data = words;
          return mark;
        }), " ");
    } else {
      if (!settled) {
        settled = part("settled");
        element.replaceChildren(settled, part("open"), " ");
      }
      let length = this.raw ? 0 : item.settled;
      if (item.final) {
        // The settled words stay the same text node, so that they don't blink and stay selected.
        const before = textOf(settled).data;
        length = text.startsWith(before) ? before.length : 0;
      }
      setText(textOf(settled), text.slice(0, length));
      setText(textOf(element.querySelector(":scope > .open")), text.slice(length));
    }
    element.className = `u ${item.final ? "final" : "partial"}`;
    Object.assign(element.dataset, {
      start: item.start, end: item.end, rev: item.revision, raw: item.raw,
    });
  }
}

export function colour(slot) {
  return `s${slot % SLOTS}${slot >= SLOTS ? " again" : ""}`;
}

export function timeLink(ms) {
  const link = document.createElement("a");
  link.className = "time";
  link.href = `#t=${Math.floor(ms / 1000)}`;
  link.dataset.ms = ms;
  link.textContent = clock(ms);
  return link;
}

function part(name) {
  const element = document.createElement("span");
  element.className = name;
  element.append(document.createTextNode(""));
  return element;
}

function textOf(element) {
  return element.firstChild ?? element.appendChild(document.createTextNode(""));
}

// Changes only what differs, so that a selection before it survives.
function setText(node, text) {
  if (node.data === text) return;
  let same = 0;
  while (same < text.length && node.data[same] === text[same]) same += 1;
  node.replaceData(same, node.length - same, text.slice(same));
}

// `text` in stretches, each with whether it is a filler.
function cut(text, tokens) {
  const stretches = [];
  let done = 0;
  let position = 0;
  for (const token of tokens) {
    const found = text.indexOf(token.text, position);
    if (found < 0) continue;
    position = found + token.text.length;
    if (token.filler && token.text) {
      if (found > done) stretches.push([text.slice(done, found), false]);
      stretches.push([token.text, true]);
      done = position;
    }
  }
  if (done < text.length) stretches.push([text.slice(done), false]);
  return stretches;
}
