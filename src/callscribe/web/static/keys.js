// Keys for people who don't want to reach for the mouse.

export function keys({ list, call }) {
  const help = document.getElementById("keys");
  document.getElementById("help").addEventListener("click", () => help.showModal());
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, textarea, select, dialog[open]")) return;
    const act = {
      "/": () => {
        if (list.find.offsetParent) list.find.focus();
        else location.href = "/";
      },
      j: () => list.step(1),
      k: () => list.step(-1),
      g: () => call?.jump(),
      c: () => document.getElementById("captions")?.click(),
      "?": () => help.showModal(),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
