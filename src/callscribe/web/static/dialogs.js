// The dialogs of a call: rename a person and save a contact, note and tags, delete.

import { send } from "./shell.js";

export class Dialogs {
  // address(): of the call's API.
  constructor(page, address) {
    Object.assign(this, { page, address });
    this.renaming();
    this.remarking();
    this.deleting();
  }

  // button: of the person, as the row of people has it.
  rename(button, saving = false) {
    const { rename: who, number, shown } = button.dataset;
    this.person = { who, number };
    const input = document.getElementById("rename-name");
    input.value = button.querySelector("[data-name]").textContent;
    const contact = document.getElementById("rename-contact");
    if (contact) {
      contact.hidden = !number;
      document.getElementById("rename-number").textContent = shown ?? "";
      document.getElementById("rename-save").checked = saving;
    }
    open("rename");
    input.select();
  }

  renaming() {
    submitted("rename", async () => {
      const { who, number } = this.person;
      const cut = who.lastIndexOf(":");
      const speaker = document.getElementById("rename-name").value;
      const body = { leg: who.slice(0, cut), track: who.slice(cut + 1), speaker };
      const save = number && document.getElementById("rename-save")?.checked;
      return (await send(`${this.address()}/rename`, body))
        || (save ? send("/api/contacts", { number, name: speaker }) : "");
    });
  }

  // Whoever has a number; first somebody who has no name yet.
  get unnamed() {
    const people = [...document.querySelectorAll("#people [data-number]")];
    return people.find((each) => each.querySelector("[data-name]").textContent === each.dataset.shown) ?? people[0];
  }

  remark() {
    const { tags, note } = document.getElementById("remarks").dataset;
    document.getElementById("remark-tags").value = tags;
    document.getElementById("remark-note").value = note;
    open("remarking");
  }

  remarking() {
    submitted("remarking", async () => {
      const { dataset } = document.getElementById("remarks");
      const tags = document.getElementById("remark-tags").value.split(",").map((tag) => tag.trim()).filter((tag) => tag);
      const note = document.getElementById("remark-note").value;
      const failure = tags.join(", ") === dataset.tags ? "" : await send(`${this.address()}/tags`, { tags });
      return failure || (note === dataset.note ? "" : send(`${this.address()}/note`, { text: note }));
    });
  }

  delete() {
    open("deleting");
  }

  deleting() {
    submitted("deleting", async () => {
      this.page.dataset.leaving = "yes"; // The server will say that the call is gone.
      const failure = await send(this.address(), {}, "DELETE");
      if (failure) delete this.page.dataset.leaving;
      else location.assign("/");
      return failure;
    });
  }
}

function open(id) {
  const dialog = document.getElementById(id);
  dialog.querySelector(".problem").hidden = true;
  dialog.showModal();
}

// act(): "" when it worked, else what went wrong, which the dialog then says.
function submitted(id, act) {
  const dialog = document.getElementById(id);
  const problem = dialog.querySelector(".problem");
  const button = dialog.querySelector("[type=submit]");
  dialog.querySelector(".cancel").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    // What opened it was in the menu, which is closed: the focus goes back to the menu, not to the page's beginning.
    const at = document.activeElement;
    if (at === document.body || !at.checkVisibility()) document.querySelector("#menu > summary").focus();
  });
  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    const failure = await act();
    button.disabled = false;
    problem.textContent = failure;
    problem.hidden = failure === "";
    if (!failure) dialog.close();
  });
}
