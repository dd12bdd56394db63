/** Single keys for what is far away with Tab alone; not while something is typed. */

import { byId } from "./dom.js";
import { keep, kept } from "./kept.js";

const task = (name) => () => document.querySelector(`input[name=task][value=${name}]`).click();
const TYPED = "input:not([type=radio], [type=file]), textarea, [contenteditable], dialog";

/** Whether a key belongs to the browser or the system. */
export const foreign = (event) => event.ctrlKey || event.metaKey || event.altKey;

/** @param {function()} surprise */
export function startKeys(surprise) {
  const acts = {
    1: task("category"),
    2: task("attribute"),
    3: task("combined"),
    c: () => byId("file").click(),
    s: surprise,
    a: () => byId("find-chip").focus(),
  };
  const wanted = byId("single-keys");
  wanted.checked = kept("single-keys") !== "off";
  wanted.addEventListener("change", () => keep("single-keys", wanted.checked ? "on" : "off"));
  byId("open-keys").addEventListener("click", () => byId("keys").showModal());
  document.addEventListener("keydown", (event) => {
    const act = acts[event.key.toLowerCase()];
    if (!act || !wanted.checked || foreign(event) || event.repeat || event.target.closest(TYPED)) return;
    event.preventDefault();
    act();
  });
}
