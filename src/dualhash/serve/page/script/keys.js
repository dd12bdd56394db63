/** Keys for what is far away with Tab alone; all with Alt, so that none is in the way of typing. */

import { byId } from "./dom.js";

const TASKS = { Digit1: "category", Digit2: "attribute", Digit3: "combined" };

/** @param {function()} surprise */
export function startKeys(surprise) {
  byId("open-keys").addEventListener("click", () => byId("keys").showModal());
  document.addEventListener("keydown", (event) => {
    if (!event.altKey || event.ctrlKey || event.metaKey) return;
    const act = {
      KeyO: () => byId("file").click(),
      KeyR: surprise,
      KeyA: () => byId("find-chip").focus(),
    }[event.code];
    const task = TASKS[event.code];
    if (!act && !task) return;
    event.preventDefault();
    if (act) act();
    else document.querySelector(`input[name=task][value=${task}]`).click();
  });
}
