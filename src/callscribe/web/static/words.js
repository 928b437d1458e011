// The words of an utterance: settled and open ones while it is said, fillers marked when it is final.

// Shows an utterance's words in its element, which is made when there is none.
export function paintWords(item, raw) {
  let { element } = item;
  if (!element) {
    element = item.element = document.createElement("span");
    element.dataset.id = item.key;
    element.append(part("settled"), part("open"), " ");
  }
  const text = raw ? item.raw : item.text;
  const fillers = item.final && !raw ? cut(text, item.tokens) : [];
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
    let length = raw ? 0 : item.settled;
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
