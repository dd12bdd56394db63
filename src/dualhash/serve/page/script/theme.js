/** Light, dark, or as the system has it. */

import { byId } from "./dom.js";

const THEMES = ["system", "light", "dark"];
const KEPT = "dualhash-theme";

function show(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId("theme").textContent = `Theme: ${theme}`;
}

/** Follows what was chosen before, and the button. */
export function startTheme() {
  let theme = localStorage.getItem(KEPT);
  if (!THEMES.includes(theme)) theme = "system";
  show(theme);
  byId("theme").addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    localStorage.setItem(KEPT, theme);
    show(theme);
  });
}
