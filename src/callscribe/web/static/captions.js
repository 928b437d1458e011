// One call's last lines in very large type.

import { take } from "./pieces.js";
import { Banner, announce, isOver, themeSwitch } from "./shell.js";
import { Stream } from "./stream.js";
import { tick } from "./times.js";

const SIZES = [24, 28, 34, 40, 48, 58, 70, 84, 100, 120];
const ROWS = 8;

const stage = document.querySelector(".stage");
const talk = document.getElementById("talk");
const banner = new Banner();

new Stream({
  page: stage,
  list: false,
  take(_, steps) {
    announce(take(steps));
    while (talk.children.length > ROWS) talk.firstElementChild.remove();
    document.title = `${isOver() ? "" : "● "}Captions: ${document.getElementById("title").dataset.tab} – callscribe`;
    tick();
  },
  status: (now) => banner.connection(now, isOver()),
  idle: isOver,
});
setInterval(tick, 1000);
tick();

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
  if (document.hidden || isOver()) return;
  try {
    await navigator.wakeLock?.request("screen");
  } catch {
    // The browser or a low battery says no.
  }
}
document.addEventListener("visibilitychange", stayAwake);
stayAwake();
