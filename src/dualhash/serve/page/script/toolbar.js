/** The buttons at the top: copy the link, download the results, change the theme. */

import { byId, create } from "./elements.js";
import { readPreference, writePreference } from "./preferences.js";

const THEMES = ["system", "light", "dark"];

/**
 * @param {function(): Object|null} currentAnswer returns the answer that is shown
 * @param {function(string)} announce says a sentence to screen readers
 */
export function startToolbar(currentAnswer, announce) {
  byId("download").addEventListener("click", () => download(currentAnswer()));
  byId("copy-link").addEventListener("click", () => copyLink(announce));
  let theme = readPreference("theme");
  if (!THEMES.includes(theme)) theme = "system";
  showTheme(theme);
  byId("theme").addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    writePreference("theme", theme);
    showTheme(theme);
  });
}

function showTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId("theme").textContent = `Theme: ${theme}`;
}

function download(answer) {
  const file = new Blob([JSON.stringify(answer, null, 2)], { type: "application/json" });
  const link = create("a", { href: URL.createObjectURL(file), download: `${answer.task}.json` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}

async function copyLink(announce) {
  try {
    await navigator.clipboard.writeText(location.href);
    announce("The link is copied.");
    byId("copy-link").textContent = "Copied";
    setTimeout(() => (byId("copy-link").textContent = "Copy link"), 1500);
  } catch {
    announce("The link could not be copied. It is the address of this page.");
    byId("copy-link").textContent = "See the address bar";
  }
}
