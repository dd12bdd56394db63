/** Watches the server: whether it answers, which index it serves, and what is wrong with the index. */

import * as api from "./api.js";
import { byId, create } from "./elements.js";
import { formatCount } from "./format.js";
import { formatView, parseView } from "./url-state.js";

const POLL_SECONDS = { reachable: 60, gone: 3 };
const GONE = "The server does not answer. It may have been stopped, or the network is down. Trying again …";

const TAKES_VECTORS =
  "Images cannot be uploaded here, because the model takes vectors. Start from an item or from attributes.";

let stats = null;
let gone = false;
let retry = null;
let timer = null;

/** Fetches the server's statistics, shows problems with its index, and returns the statistics. */
export async function fetchStatus() {
  checkIn(POLL_SECONDS.reachable);
  const fetched = await api.fetchStats();
  gone = false;
  if (stats && stats.model !== fetched.model) reload();
  stats = fetched;
  if (stats.items) showBanner(stats.problem);
  else showBanner("This index is empty. Add images with ", create("code", {}, `dualhash index add ${stats.name} IMAGES`), ".");
  byId("figure-items").textContent = formatCount(stats.items);
  document.title = `${stats.name} · dualhash`;
  byId("file").disabled = !stats.images;
  if (stats.vector_length !== null) {
    byId("drop-hint").textContent = TAKES_VECTORS;
    byId("choose-file").hidden = true;
  }
  return stats;
}

/** Notes that a search was answered, and by which index. If the index was replaced, checks again. */
export function noteAnswer({ generation }) {
  if (gone) endWaiting();
  else if (generation !== stats.generation) checkServer();
}

/** Another model means other attributes and codes: only a new start of the page shows them. */
function reload() {
  history.replaceState(null, "", formatView({ ...parseView(location.hash), code: null }) || location.pathname);
  location.reload();
}

/** Says that the server does not answer, and calls `then` when it answers again. */
export function waitForServer(then) {
  gone = true;
  retry = then;
  showBanner(GONE);
  checkIn(POLL_SECONDS.gone);
}

/** Checks the server. Errors other than no answer are left to the next search. */
export async function checkServer() {
  const error = await fetchStatus().then(
    () => null,
    (refusal) => refusal,
  );
  if (error?.kind === "gone") {
    waitForServer(retry);
    return;
  }
  const then = retry;
  if (gone) endWaiting();
  retry = null;
  then?.();
}

function endWaiting() {
  gone = false;
  retry = null;
  showBanner();
  checkIn(0);
}

function checkIn(seconds) {
  clearTimeout(timer);
  timer = setTimeout(checkServer, 1000 * seconds);
}

/** Shows a message at the top. The same message is not announced again to screen readers. */
function showBanner(...content) {
  const message = create("div", {}, ...content);
  byId("banner").hidden = !message.textContent;
  if (byId("banner").textContent !== message.textContent) byId("banner").replaceChildren(...message.childNodes);
}
