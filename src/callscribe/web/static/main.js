// The list of calls and a call, kept up to date.

import { Banner, copyButtons, dotted, favicon, themeSwitch } from "./shell.js";
import { List } from "./list.js";
import { Stream } from "./stream.js";
import { CallPage } from "./call.js";
import { keys } from "./keys.js";

const frame = document.querySelector(".frame");
const talk = document.getElementById("talk");
const banner = new Banner();
const list = new List({ place: frame.dataset.place, older: frame.dataset.older === "yes" });
const call = talk ? new CallPage(talk, banner) : null;

themeSwitch();
copyButtons();
keys({ list, call });

function title() {
  favicon(list.live);
  if (call && frame.dataset.place === "call") document.title = dotted(document.title, !call.over);
  else document.title = `${list.live ? `● ${list.live} live` : "Calls"} – callscribe`;
}

// A page that shows nothing live moves on to a call that begins, unless someone is reading it.
function moveOn() {
  const wide = matchMedia("(min-width: 881px)").matches || document.body.classList.contains("empty");
  const reading = !getSelection().isCollapsed || scrollY > 0 || document.querySelector("dialog[open]");
  if (frame.dataset.place === "list" && frame.dataset.older !== "yes" && wide && !reading && (!call || call.over)) {
    location.reload();
  }
}

const after = Math.min(Number(frame.dataset.cursor), call ? call.cursor : Infinity);
new Stream({
  after,
  partials: call ? call.id : "none",
  take(event, id) {
    list.take(event);
    if (call && event.call === call.id) call.take(event, id);
    if (event.type === "store_failed") banner.say("store", event.resolved ? "" : event.message);
    if (event.type === "call_started" && id > Number(frame.dataset.cursor)) moveOn();
    title();
  },
  restart: () => call?.transcript.dropPartials(),
  status: (state) => banner.connection(state),
  idle: () => frame.dataset.place === "call" && call.over,
});

setInterval(() => {
  list.tick();
  call?.tick();
}, 1000);
list.tick();
call?.tick();
title();
