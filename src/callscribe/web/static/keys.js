// Keys for people who don't want to reach for the mouse. They can be switched off: speech input types letters.

export function keys({ list, call, search }) {
  const help = document.getElementById("keys");
  const on = document.getElementById("keys-on");
  on.checked = kept() !== "off";
  on.addEventListener("change", () => keep(on.checked ? "on" : "off"));
  document.getElementById("help").addEventListener("click", () => help.showModal());
  addEventListener("keydown", (event) => {
    if (!on.checked || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, textarea, select, dialog[open]")) return;
    const act = {
      "/": () => {
        if (search.field.offsetParent) search.field.focus();
        else location.href = "/";
      },
      j: () => list.step(1),
      k: () => list.step(-1),
      f: () => call?.finder.open(),
      g: () => call?.jump(),
      c: () => document.getElementById("captions")?.click(),
      p: () => call?.player.toggle(),
      e: () => call?.correction.begin(document.activeElement),
      b: () => call?.player.back(),
      "?": () => help.showModal(),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function kept() {
  try {
    return localStorage.getItem("callscribe-keys");
  } catch {
    return null; // Storage is switched off.
  }
}

function keep(value) {
  try {
    localStorage.setItem("callscribe-keys", value);
  } catch {
    // Then it is for now only.
  }
}
