/** Whether the server is there, and what is wrong with the index it serves. */

import * as api from "./api.js";
import { byId, count, make } from "./dom.js";
import { hashOf, viewOf } from "./view.js";

const SECONDS = { there: 60, gone: 3 };
const GONE = "The server does not answer. It may have been stopped, or the network is down. Looking for it …";

let served = null;
let gone = false;
let back = null;
let timer = null;

/** Asks what is served and says what is wrong with it; again after a while. */
export async function greet() {
  askIn(SECONDS.there);
  const stats = await api.stats();
  gone = false;
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
  if (gone) found();
  else if (generation !== served.generation) ask();
}

/** Codes and attributes of another model mean nothing here any more. */
function startAnew() {
  history.replaceState(null, "", hashOf({ ...viewOf(location.hash), code: null }) || location.pathname);
  location.reload();
}

/** Says that the server is gone, looks for it, and calls `then` when it answers. */
export function lookFor(then) {
  gone = true;
  back = then;
  banner(GONE);
  askIn(SECONDS.gone);
}

/** Asks anew. What is refused the next search will say. */
export async function ask() {
  const error = await greet().then(
    () => null,
    (refusal) => refusal,
  );
  if (error?.kind === "gone") {
    lookFor(back);
    return;
  }
  const then = back;
  if (gone) found();
  back = null;
  then?.();
}

/** The server answers again. */
function found() {
  gone = false;
  back = null;
  banner();
  askIn(0);
}

function askIn(seconds) {
  clearTimeout(timer);
  timer = setTimeout(ask, 1000 * seconds);
}

/** Said once, however often it is found. */
function banner(...content) {
  const said = make("div", {}, ...content);
  byId("banner").hidden = !said.textContent;
  if (byId("banner").textContent !== said.textContent) byId("banner").replaceChildren(...said.childNodes);
}
