// A call's events folded into people, utterances and notes, by the same rules as timeline.py.

import { ending, span } from "./wording.js";

const DIGITS_MS = 3000;

export class Timeline {
  constructor({ flow, hold, paused, now }) {
    this.flow = flow;
    this.hold = hold;
    this.paused = paused; // Since when, in ms; null when it is not.
    this.now = now;
    this.people = new Map();
    this.slots = new Map();
    this.utterances = new Map();
    this.notes = new Map();
    this.digits = new Map();
    this.sequence = 0;
    this.unsorted = true;
    this.sorted = [];
    this.ended = false;
    this.ending = "";
    // Since they were last taken: utterances to paint, and those that have become final; whether
    // someone came, went or was renamed.
    this.dirty = new Set();
    this.finals = [];
    this.peopleChanged = false;
  }

  take(event) {
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
  }

  person(event, speaker = event.speaker ?? "Someone") {
    const who = `${event.leg}:${event.track ?? "inbound"}`;
    let person = this.people.get(who);
    if (!person) {
      const slot = this.slots.get(speaker) ?? new Set(this.slots.values()).size;
      this.slots.set(speaker, slot);
      person = { who, speaker, number: "", slot, muted: false, hold: false, left: null };
      this.people.set(who, person);
      this.peopleChanged = true;
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
    this.peopleChanged = true;
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
    this.peopleChanged = true;
  }

  left(event) {
    const person = this.person(event, "Someone");
    if (this.flow === "conference") {
      person.left = event.left_ms ?? 0;
      this.note(`left-${person.who}-${person.left}`, "left", person.left, "left.", person);
    }
    this.peopleChanged = true;
  }

  renamed(event) {
    const person = this.person(event);
    person.speaker = event.speaker;
    if (!this.slots.has(event.speaker)) this.slots.set(event.speaker, person.slot);
    this.peopleChanged = true;
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
    const name = dial.name || dial.to || "The other side";
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

  // Utterances and notes in their order.
  items() {
    if (this.unsorted) {
      this.sorted = [...this.utterances.values(), ...this.notes.values()].sort(inOrder);
      this.unsorted = false;
    }
    return this.sorted;
  }
}

function inOrder(a, b) {
  return a.start - b.start || a.rank - b.rank || (a.sequence ?? 0) - (b.sequence ?? 0)
    || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}
