/** Light, dark, or as the system has it. */

import { byId } from "./dom.js";

const THEMES = ["system", "light", "dark"];
const KEPT = "dualhash-theme";

function show(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId("theme").textContent = `Theme: ${theme}`;
}

/** What was chosen before; nothing where the browser keeps nothing for pages. */
function kept() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

function keep(theme) {
  try {
    localStorage.setItem(KEPT, theme);
  } catch {
    // It holds until the page is closed.
  }
}

/** Follows what was chosen before, and the button. */
export function startTheme() {
  let theme = kept();
  if (!THEMES.includes(theme)) theme = "system";
  show(theme);
  byId("theme").addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    keep(theme);
    show(theme);
  });
}
