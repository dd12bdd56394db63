/** What can be taken along: the link to a view, and its results as JSON. */

import { byId, make } from "./dom.js";

/**
 * @param {function(): Object|null} answer that is shown
 * @param {function(string)} say for ears
 */
export function startTaking(answer, say) {
  byId("download").addEventListener("click", () => download(answer()));
  byId("copy-link").addEventListener("click", () => copyLink(say));
}

function download(answer) {
  const file = new Blob([JSON.stringify(answer, null, 2)], { type: "application/json" });
  const link = make("a", { href: URL.createObjectURL(file), download: `${answer.task}.json` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href));
}

async function copyLink(say) {
  try {
    await navigator.clipboard.writeText(location.href);
    say("The link is copied.");
    byId("copy-link").textContent = "Copied";
    setTimeout(() => (byId("copy-link").textContent = "Copy link"), 1500);
  } catch {
    say("The link is the address of this page.");
    byId("copy-link").textContent = "It is in the address bar";
  }
}
