/** Light, dark, or as the system has it. */

import { byId } from "./dom.js";
import { keep, kept } from "./kept.js";

const THEMES = ["system", "light", "dark"];

function show(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId("theme").textContent = `Theme: ${theme}`;
}

/** Follows what was chosen before, and the button. */
export function startTheme() {
  let theme = kept("theme");
  if (!THEMES.includes(theme)) theme = "system";
  show(theme);
  byId("theme").addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    keep("theme", theme);
    show(theme);
  });
}
