// What stands on the page: turns of paragraphs, and notes between them. timeline.py lays a page out by the same rules.

import { clock } from "./wording.js";

const PARAGRAPH_PAUSE_MS = 2000;
const PARAGRAPH_MS = 45_000;
const OVERLAP_MS = 200;
const SLOTS = 8;

// Items, in order, as turns and notes; only the newest `most` of them unless that is 0.
export function layout(items, most) {
  const blocks = [];
  let last = null;
  let lastEnd = 0;
  for (const item of items) {
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
  const shown = most ? blocks.slice(-most) : blocks;
  for (const block of shown) {
    block.signature ??= [
      block.person.who, block.over, block.under,
      ...block.paragraphs.map((items) => `${items[0].start},${items.map((item) => item.key).join()}`),
    ].join("|");
  }
  return shown;
}

export function fillNote(element, note) {
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

export function fillTurn(element, turn) {
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

export function colour(slot) {
  return `s${slot % SLOTS}${slot >= SLOTS ? " again" : ""}`;
}

function timeLink(ms) {
  const link = document.createElement("a");
  link.className = "time";
  link.href = `#t=${Math.floor(ms / 1000)}`;
  link.dataset.ms = ms;
  link.textContent = clock(ms);
  return link;
}
