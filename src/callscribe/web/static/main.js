// The list of calls and a call, kept up to date.

import { CallPage } from "./call.js";
import { keys } from "./keys.js";
import { List } from "./list.js";
import { take } from "./pieces.js";
import { Search } from "./search.js";
import { Banner, copyButtons, favicon, isOver, themeSwitch } from "./shell.js";
import { Stream } from "./stream.js";
import { tick } from "./times.js";

const page = document.getElementById("page");
const banner = new Banner();
const list = new List(page);
const search = new Search();
const call = page.dataset.call ? new CallPage(page, banner, () => stream.redraw()) : null;

themeSwitch();
copyButtons();
keys({ list, call, search });

function title() {
  favicon(list.live);
  const own = document.getElementById("title");
  document.title = page.dataset.place === "call" && own
    ? `${isOver() ? "" : "● "}${own.dataset.tab} – callscribe`
    : `${list.live ? `● ${list.live} live` : "Calls"} – callscribe`;
}

// A page that shows nothing live moves on to a call that begins, unless someone is reading it.
function moveOn() {
  const wide = matchMedia("(min-width: 881px)").matches || document.body.classList.contains("empty");
  const reading = search.active || !getSelection().isCollapsed || scrollY > 0 || document.querySelector("dialog[open]");
  if (page.dataset.place === "list" && page.dataset.older !== "yes" && wide && !reading && (!call || isOver())) {
    location.reload();
  }
}

const stream = new Stream({
  page,
  list: true,
  take(name, steps) {
    const live = new Set(list.liveIds);
    const said = take(steps);
    tick();
    if (name === "call") call?.changed(said);
    else list.changed();
    title();
    if (list.liveIds.some((id) => !live.has(id))) moveOn();
  },
  status: (state) => banner.connection(state, isOver()),
  idle: () => page.dataset.place === "call" && isOver(),
});

setInterval(tick, 1000);
tick();
list.changed();
call?.begin();
title();
