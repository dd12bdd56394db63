/** Whether the server is there, and what is wrong with the index it serves. */

import * as api from "./api.js";
import { byId, count, make } from "./dom.js";
import { hashOf, viewOf } from "./view.js";

const SECONDS = 3;

let served = null;
let looking = false;

/** Asks what is served and says what is wrong with it. */
export async function greet() {
  const stats = await api.stats();
  if (served && served.model !== stats.model) startAnew();
  served = stats;
  if (stats.items) banner(stats.problem);
  else banner("This index is empty. Fill it with ", make("code", {}, `dualhash index add ${stats.name} PICTURES`), ".");
  byId("figure-items").textContent = count(stats.items);
  document.title = `${stats.name} · dualhash`;
  byId("file").disabled = !stats.images;
}

/** Notes which index answered; of another one than before everything is asked again. */
export function answered({ generation }) {
  if (generation !== served.generation) greet().catch(() => {}); // the next search will say it
}

/** Codes and attributes of another model mean nothing here any more. */
function startAnew() {
  history.replaceState(null, "", hashOf({ ...viewOf(location.hash), code: null }) || location.pathname);
  location.reload();
}

/** Says that the server is gone, looks for it, and calls `back` when it answers. */
export async function lookFor(back) {
  banner("The server does not answer. It may have been stopped, or the network is down. Looking for it …");
  if (looking) return;
  looking = true;
  while (looking) {
    await new Promise((resolve) => setTimeout(resolve, 1000 * SECONDS));
    looking = await greet().then(
      () => false,
      (error) => error.kind === "gone",
    );
  }
  back();
}

function banner(...content) {
  const shown = content.filter(Boolean);
  byId("banner").hidden = !shown.length;
  byId("banner").replaceChildren(...shown);
}
