// Puts the pieces that the server drew in their places (web/board.py says which steps there are). What did not
// change stays the same node: a selection lives on, nothing jumps, and a word that changes moves no other.
// Elements marked `data-own` are written by the page itself; only their attributes are taken over. Those marked
// `data-guest` the page has put there; they stay.

const FOLD_MS = 200;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const parser = new DOMParser();

// Takes steps. Returns what was said in them, for screen readers and to be counted.
export function take(steps) {
  const said = [];
  const dropped = [];
  for (const [step, ...given] of steps) {
    switch (step) {
      case "put": put(...given); break;
      case "row": row(...given); break;
      case "talk": {
        const talk = document.getElementById("talk");
        if (talk) morph(talk, parsed(given[0]));
        break;
      }
      case "item": item(...given); break;
      case "items": {
        const known = new Set(given[0]);
        for (const each of document.querySelectorAll("#list > li[id]")) if (!known.has(each.id)) each.remove();
        break;
      }
      case "drop": {
        const gone = document.getElementById(given[0]);
        if (gone) dropped.push(gone);
        break;
      }
      case "name": name(...given); break;
      case "say": said.push(given[0]); break;
    }
  }
  for (const gone of dropped) withdraw(gone);
  return said;
}

export function parsed(html) {
  return document.adoptNode(parser.parseFromString(html, "text/html").body.firstElementChild);
}

function put(id, html) {
  const old = document.getElementById(id);
  if (old) morph(old, parsed(html));
}

function row(id, html, after) {
  const talk = document.getElementById("talk");
  if (!talk) return;
  const before = after ? document.getElementById(after) : null;
  let element = document.getElementById(id);
  if (!element && after && !before) return; // Its place is above what this page shows.
  const fresh = parsed(html);
  if (element) morph(element, fresh);
  else element = fresh;
  const next = before ? before.nextSibling : talk.firstChild;
  const there = after && !before ? true : element === next || element.previousElementSibling === before;
  if (!element.isConnected || !there) talk.insertBefore(element, next);
}

// A line of the list stands by its rank: live calls first, then newer ones.
function item(id, html) {
  const list = document.getElementById("list");
  if (!list) return;
  const fresh = parsed(html);
  let element = document.getElementById(id);
  if (!element && list.dataset.closed) return; // A page of older calls gets no new ones.
  if (element) morph(element, fresh);
  else element = fresh;
  const others = [...list.querySelectorAll(":scope > li[id]")].filter((each) => each !== element);
  const next = others.find((each) => each.dataset.rank < element.dataset.rank) ?? null;
  const after = next ? others[others.indexOf(next) - 1] : others.at(-1);
  if (element.isConnected && (after ?? null) === neighbour(element)) return;
  if (after) after.after(element);
  else list.prepend(element);
}

function neighbour(element) {
  let before = element.previousElementSibling;
  while (before && !before.id) before = before.previousElementSibling;
  return before;
}

function name(who, text) {
  for (const each of document.querySelectorAll(`[data-name="${CSS.escape(who)}"]`)) setText(each, text);
}

// What is gone because its words are in another piece now is simply gone; what was withdrawn folds away.
function withdraw(element) {
  const moved = [...element.querySelectorAll(".u")].some((each) => document.getElementById(each.id) !== each);
  if (moved || calm.matches || !element.querySelector(".u:not(.partial)")) {
    element.remove();
    return;
  }
  element.removeAttribute("id");
  const from = { height: `${element.offsetHeight}px`, overflow: "hidden" };
  const to = { height: "0", paddingBlock: "0", opacity: "0", overflow: "hidden" };
  element.animate([from, to], FOLD_MS).finished.then(() => element.remove(), () => element.remove());
}

// Makes `old` what `fresh` is, with as few changes as can be.
export function morph(old, fresh) {
  if (old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
    return;
  }
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  if (!("own" in fresh.dataset)) children(old, fresh);
}

function children(old, fresh) {
  const wanted = [...fresh.childNodes];
  const there = [...old.childNodes].filter((node) => !("guest" in (node.dataset ?? {})));
  let head = 0;
  while (head < wanted.length && head < there.length && same(there[head], wanted[head])) {
    patch(there[head], wanted[head]);
    head += 1;
  }
  let tail = 0;
  while (tail < wanted.length - head && tail < there.length - head && same(there.at(-1 - tail), wanted.at(-1 - tail))) {
    patch(there.at(-1 - tail), wanted.at(-1 - tail));
    tail += 1;
  }
  const rest = there.slice(head, there.length - tail);
  const known = new Map(rest.filter((node) => node.id).map((node) => [node.id, node]));
  let next = rest[0] ?? there[there.length - tail] ?? null;
  for (const node of wanted.slice(head, wanted.length - tail)) {
    const match = node.id ? known.get(node.id) : next && rest.includes(next) && alike(next, node) ? next : null;
    if (!match) {
      old.insertBefore(node, next);
      continue;
    }
    rest.splice(rest.indexOf(match), 1);
    if (match === next) next = next.nextSibling;
    else old.insertBefore(match, next);
    patch(match, node);
  }
  for (const node of rest) node.remove();
}

function patch(node, fresh) {
  if (node.nodeType === Node.TEXT_NODE) setData(node, fresh.data);
  else morph(node, fresh);
}

// Of one kind, so that one can be made the other.
function alike(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.id ?? "") === (b.id ?? "");
}

// Surely the same one: of an utterance's words the text decides, or a word more at the beginning would change all
// that follow.
function same(a, b) {
  if (!alike(a, b)) return false;
  const word = a.nodeType === Node.ELEMENT_NODE && a.parentNode.classList.contains("u");
  return !word || a.textContent === b.textContent;
}

export function setText(element, text) {
  if (element.childNodes.length === 1 && element.firstChild.nodeType === Node.TEXT_NODE) setData(element.firstChild, text);
  else if (element.textContent !== text) element.textContent = text;
}

// Changes only what differs, so that a selection before it survives.
function setData(node, text) {
  if (node.data === text) return;
  let kept = 0;
  while (kept < text.length && node.data[kept] === text[kept]) kept += 1;
  node.replaceData(kept, node.length - kept, text.slice(kept));
}
