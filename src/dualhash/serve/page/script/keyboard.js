/** Keyboard shortcuts of one key. They are off while the reader types. */

import { byId } from "./elements.js";
import { readPreference, writePreference } from "./preferences.js";

const chooseTask = (task) => () => document.querySelector(`input[name=task][value=${task}]`).click();
const TYPING = "input:not([type=radio], [type=file]), select, textarea, [contenteditable], dialog";

/** Whether a key press belongs to the browser or the system. */
export const hasModifier = (event) => event.ctrlKey || event.metaKey || event.altKey;

/** @param {function()} showRandomImage */
export function startKeyboard(showRandomImage) {
  const shortcuts = {
    1: chooseTask("category"),
    2: chooseTask("attribute"),
    3: chooseTask("combined"),
    c: () => byId("file").click(),
    s: showRandomImage,
    a: () => byId("find-chip").focus(),
    f: () => byId("filter-field").focus(),
  };
  const enabled = byId("single-keys");
  enabled.checked = readPreference("single-keys") !== "off";
  enabled.addEventListener("change", () => writePreference("single-keys", enabled.checked ? "on" : "off"));
  byId("open-keys").addEventListener("click", () => byId("keys").showModal());
  document.addEventListener("keydown", (event) => {
    const shortcut = shortcuts[event.key.toLowerCase()];
    if (!shortcut || !enabled.checked || hasModifier(event) || event.repeat || event.target.closest(TYPING)) return;
    event.preventDefault();
    shortcut();
  });
}
