// The recording of a call that is over: a lane for each person, and the word that is being said.

import { clock } from "./times.js";
import { setText } from "./pieces.js";

const BACK_MS = 5000;
const QUIET = 6; // Of 255: what is not louder is silence.
const SILENCE_MS = 1000; // Shorter ones belong to speaking.
const MARGIN_MS = 250; // Of a silence that is skipped, what is played before and after it.
const SPEEDS = "callscribe-speed";

export class Player {
  // `words`: what lights words up; moved(): the reader should see where the recording is now.
  constructor(page, words, moved) {
    Object.assign(this, { page, words, moved });
    this.root = document.getElementById("player");
    this.audio = document.getElementById("audio");
    this.seekbar = document.getElementById("seek");
    this.playButton = document.getElementById("play");
    this.endMs = 0;
    this.voices = [];
    this.silences = [];
    this.controls();
  }

  get ready() {
    return this.endMs > 0;
  }

  get playing() {
    return this.ready && !this.audio.paused;
  }

  get atMs() {
    return this.audio.currentTime * 1000;
  }

  // Once, when the call is over. Says nothing where nothing was recorded.
  async load() {
    if (this.asked) return;
    this.asked = true;
    const address = `/api/calls/${encodeURIComponent(this.page.dataset.call)}`;
    try {
      const answers = await Promise.all([fetch(`${address}/recording`), fetch(`${address}/peaks`)]);
      if (answers.some((answer) => !answer.ok)) return;
      const [recording, peaks] = await Promise.all(answers.map((answer) => answer.json()));
      this.voices = recording.voices.map((voice, at) => ({
        who: voice.tracks.map((track) => `${track.leg}:${track.track}`),
        name: voice.name,
        peaks: peaks.voices[at].peaks,
      }));
      this.endMs = recording.end_ms;
      this.peakMs = peaks.peak_ms;
    } catch {
      this.asked = false;
      return;
    }
    if (!this.ready) return;
    // Two people are heard left and right, more of them in the middle.
    this.audio.src = `${address}/audio.wav${this.voices.length > 2 ? "?mix=true" : ""}`;
    this.seekbar.max = this.endMs;
    setText(document.getElementById("clock-end"), clock(this.endMs));
    this.silences = silences(this.voices.map((voice) => voice.peaks), this.peakMs);
    this.root.hidden = false;
    document.body.classList.add("heard");
    this.lanes();
    this.words.offer(true);
    if (this.wanted !== undefined) this.seek(this.wanted);
    this.show();
  }

  controls() {
    const { audio, root } = this;
    this.playButton.addEventListener("click", () => this.toggle());
    document.getElementById("again").addEventListener("click", () => this.back());
    this.seekbar.addEventListener("input", () => this.seek(Number(this.seekbar.value)));
    this.seekbar.addEventListener("change", () => this.address());
    this.seekbar.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -BACK_MS, ArrowDown: -BACK_MS, ArrowRight: BACK_MS, ArrowUp: BACK_MS }[event.key];
      if (!by) return;
      event.preventDefault();
      this.seek(this.atMs + by);
      this.address();
    });
    const skip = document.getElementById("skip");
    skip.addEventListener("click", () => {
      this.skipping = skip.getAttribute("aria-pressed") !== "true";
      skip.setAttribute("aria-pressed", String(this.skipping));
    });
    const speed = document.getElementById("speed");
    const kept = remembered();
    if ([...speed.options].some((option) => option.value === kept)) speed.value = kept;
    audio.defaultPlaybackRate = audio.playbackRate = Number(speed.value);
    speed.addEventListener("change", () => {
      audio.defaultPlaybackRate = audio.playbackRate = Number(speed.value);
      remember(speed.value);
    });
    audio.addEventListener("play", () => this.state());
    audio.addEventListener("pause", () => {
      this.state();
      this.address();
    });
    audio.addEventListener("seeked", () => this.show());
    audio.addEventListener("error", () => {
      setText(document.getElementById("play-problem"), "The recording can't be played.");
      this.state();
    });
    new ResizeObserver(() => {
      document.documentElement.style.setProperty("--foot", `${root.offsetHeight}px`);
      this.draw();
    }).observe(root);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    new MutationObserver(() => this.draw()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  toggle() {
    if (!this.ready) return;
    if (this.playing) this.audio.pause();
    else this.play();
  }

  async play() {
    if (!this.ready) return;
    setText(document.getElementById("play-problem"), "");
    try {
      await this.audio.play();
    } catch (error) {
      if (error.name !== "AbortError") setText(document.getElementById("play-problem"), "The recording can't be played.");
    }
  }

  pause() {
    if (this.playing) this.audio.pause();
  }

  back() {
    if (!this.ready) return;
    this.seek(this.atMs - BACK_MS);
    if (!this.playing) this.address();
  }

  // To a moment; before the recording is there, as soon as it is.
  seek(ms) {
    if (!this.ready) {
      this.wanted = ms;
      return;
    }
    this.audio.currentTime = Math.max(0, Math.min(ms, this.endMs)) / 1000;
    this.show();
  }

  hear(ms) {
    this.seek(ms);
    this.address();
    this.play();
  }

  // The address names the second, without a new step in the browser's history.
  address() {
    history.replaceState(history.state, "", `#t=${Math.floor(this.atMs / 1000)}`);
  }

  state() {
    const { playing } = this;
    this.playButton.querySelector("use").setAttribute("href", playing ? "#i-rest" : "#i-play");
    setText(this.playButton.querySelector(".sr"), playing ? "Pause" : "Play");
    if (playing && !this.ticking) this.tick();
  }

  tick() {
    this.ticking = this.playing;
    if (!this.ticking) return;
    if (this.skipping) this.skip();
    this.show();
    requestAnimationFrame(() => this.tick());
  }

  skip() {
    const at = this.atMs;
    const silence = this.silences.find(([from, to]) => from <= at && at < to);
    if (silence && !this.audio.seeking) this.audio.currentTime = silence[1] / 1000;
  }

  // Clock, place and word of now.
  show() {
    const at = this.atMs;
    const time = clock(at);
    setText(document.getElementById("clock"), time);
    this.seekbar.value = at;
    if (this.seekbar.dataset.time !== time) {
      this.seekbar.dataset.time = time;
      this.seekbar.setAttribute("aria-valuetext", `${time} of ${clock(this.endMs)}`);
    }
    const word = this.words.light(at);
    if (!word || word === this.latest) return;
    this.latest = word;
    this.moved(word);
  }

  lanes() {
    document.getElementById("lanes").replaceChildren(...this.voices.map((voice) => {
      const lane = document.createElement("li");
      const canvas = Object.assign(document.createElement("canvas"), { ariaHidden: "true" });
      const name = document.createElement("bdi");
      lane.append(name, canvas);
      voice.lane = lane;
      return lane;
    }));
    this.names();
    this.draw();
  }

  // Colours and names as the row of people has them.
  names() {
    for (const voice of this.voices) {
      const person = voice.who.map((who) => document.getElementById(`who-${who}`)).find((each) => each);
      const colour = person && [...person.classList].find((name) => /^s\d$/.test(name));
      voice.lane.className = `lane ${colour ?? "s7"}`;
      setText(voice.lane.querySelector("bdi"), person?.querySelector("[data-name]").textContent ?? voice.name);
    }
  }

  draw() {
    if (!this.ready || this.root.hidden) return;
    const loudest = Math.max(1, ...this.voices.map((voice) => voice.peaks.reduce((a, b) => Math.max(a, b), 0)));
    for (const { lane, peaks } of this.voices) {
      const canvas = lane.querySelector("canvas");
      const { width, height } = canvas.getBoundingClientRect();
      const scale = devicePixelRatio;
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
      const pen = canvas.getContext("2d");
      pen.fillStyle = getComputedStyle(canvas).color;
      const whole = this.endMs / this.peakMs;
      const bar = Math.max(1, Math.round(scale));
      for (let x = 0; x < canvas.width; x += bar) {
        const from = Math.floor((x / canvas.width) * whole);
        const to = Math.max(from + 1, Math.floor(((x + bar) / canvas.width) * whole));
        let peak = 0;
        for (let at = from; at < to && at < peaks.length; at += 1) peak = Math.max(peak, peaks[at]);
        const tall = Math.max(scale, Math.sqrt(peak / loudest) * canvas.height);
        pen.fillRect(x, (canvas.height - tall) / 2, bar, tall);
      }
    }
  }
}

// Stretches of time in which nobody is heard, less what is played of each.
function silences(lanes, peakMs) {
  const found = [];
  const count = Math.max(0, ...lanes.map((peaks) => peaks.length));
  let from = 0;
  for (let at = 0; at <= count; at += 1) {
    const heard = at === count || lanes.some((peaks) => peaks[at] > QUIET);
    if (!heard) continue;
    if ((at - from) * peakMs >= SILENCE_MS) found.push([from * peakMs + MARGIN_MS, at * peakMs - MARGIN_MS]);
    from = at + 1;
  }
  return found;
}

function remembered() {
  try {
    return localStorage.getItem(SPEEDS);
  } catch {
    return null; // Storage is switched off.
  }
}

function remember(value) {
  try {
    localStorage.setItem(SPEEDS, value);
  } catch {
    // Then it is for now only.
  }
}
