// One call's last lines in very large type.

import { Banner, Lag, announce, dotted, themeSwitch } from "./shell.js";
import { Stream } from "./stream.js";
import { Transcript } from "./transcript.js";
import { behind, clock, state } from "./wording.js";

const SIZES = [24, 28, 34, 40, 48, 58, 70, 84, 100, 120];
const BLOCKS = 8;

const stage = document.querySelector(".stage");
const talk = document.getElementById("talk");
const banner = new Banner();
const lag = new Lag();
const first = document.getElementById("state");
const call = { status: "in-progress", paused: talk.dataset.paused !== "", on_hold: talk.dataset.hold === "yes" };
if (first.classList.contains("ended") || first.classList.contains("bad")) call.status = "completed";
if (first.classList.contains("ringing")) call.status = "ringing";
let endState = null;

const transcript = new Transcript(talk, {
  last: BLOCKS,
  changed(finals) {
    const [word, name] = endState ?? state(call);
    first.className = `state ${name}`;
    first.querySelector(".word").textContent = word;
    const late = document.getElementById("lag");
    late.textContent = behind(lag.worst);
    late.hidden = late.textContent === "";
    document.getElementById("waiting").hidden = Boolean(transcript.timeline.ending) || transcript.timeline.utterances.size > 0;
    if (transcript.timeline.ending) {
      document.getElementById("ending").textContent = transcript.timeline.ending;
      document.getElementById("ending").hidden = false;
      document.title = dotted(document.title, false);
    }
    announce(finals);
  },
});

new Stream({
  after: transcript.cursor,
  partials: transcript.call,
  take(event, id) {
    if (event.type === "store_failed") banner.say("store", event.resolved ? "" : event.message);
    if (event.call !== transcript.call) return;
    lag.take(event);
    if (event.type === "call_updated") {
      call.status = event.status ?? call.status;
      call.on_hold = event.on_hold ?? call.on_hold;
    } else if (event.type === "transcription_paused") {
      call.paused = true;
    } else if (event.type === "transcription_resumed") {
      call.paused = false;
    } else if (event.type === "call_ended") {
      call.status = event.status ?? "completed";
      lag.tracks.clear();
      endState = state(call);
      document.getElementById("length").textContent = event.duration_ms ? clock(event.duration_ms) : "";
    }
    transcript.take(event, id);
  },
  restart: () => transcript.dropPartials(),
  status: (now) => banner.connection(now),
  idle: () => Boolean(transcript.timeline.ending),
});

// The size is this device's own: a phone on a table, a screen on a wall.
function kept() {
  try {
    return Number(localStorage.getItem("callscribe-caption-size"));
  } catch {
    return 0; // Storage is switched off.
  }
}

let size = SIZES.indexOf(kept());
if (size < 0) size = matchMedia("(max-width: 880px)").matches ? 2 : 4;

function resize(by) {
  size = Math.max(0, Math.min(SIZES.length - 1, size + by));
  stage.style.setProperty("--size", `${SIZES[size]}px`);
  document.getElementById("smaller").disabled = size === 0;
  document.getElementById("larger").disabled = size === SIZES.length - 1;
  if (!by) return;
  try {
    localStorage.setItem("callscribe-caption-size", SIZES[size]);
  } catch {
    // Then it is for now only.
  }
}

document.getElementById("smaller").addEventListener("click", () => resize(-1));
document.getElementById("larger").addEventListener("click", () => resize(1));
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "-") resize(-1);
  else if (event.key === "+" || event.key === "=") resize(1);
  else if (event.key === "Escape") location.href = document.querySelector(".back").href;
});
resize(0);
themeSwitch();

// A screen that goes dark reads nothing to anyone.
async function stayAwake() {
  if (document.hidden || transcript.timeline.ending) return;
  try {
    await navigator.wakeLock?.request("screen");
  } catch {
    // The browser or a low battery says no.
  }
}
document.addEventListener("visibilitychange", stayAwake);
stayAwake();
