/** Connects the parts of the page: the view in the address, its search, and the answer. */

import * as api from "./api.js";
import { BitStrip } from "./bit-strip.js";
import { byId, focusResults } from "./elements.js";
import { FilterForm } from "./filter-form.js";
import { formatCount } from "./format.js";
import { startKeyboard } from "./keyboard.js";
import { QueryPanel } from "./query-panel.js";
import { Results, revealResults, showJumpLink } from "./results.js";
import { SearchForm } from "./search-form.js";
import { checkServer, fetchStatus, noteAnswer, waitForServer } from "./server-status.js";
import { startToolbar } from "./toolbar.js";
import {
  EMPTY_VIEW,
  formatView,
  hasAttributes,
  hasFilter,
  hasQuery,
  parseView,
  toRequest,
  withAttribute,
  withoutCondition,
  withoutConditions,
} from "./url-state.js";

const PAGE_SIZE = 24;
const SAMPLES = 12;
const PRESENT = 0.5;
const MAX_UPLOAD_BYTES = 20 * 1024 * 1024;

/** Object URLs of uploaded images by their codes, while the page is open. */
const uploads = new Map();

let view = EMPTY_VIEW;
let answer = null;
let request = new AbortController();
let starting = null;
let searchForm;
let filterForm;
let bitStrip;

const queryPanel = new QueryPanel({
  image: searchByUpload,
  random: showRandomImage,
  remove: () => {
    focusResults();
    goTo({ ...view, id: null, code: null });
  },
  want: (name) => goTo(withAttribute(view, name, "want")),
});
const results = new Results({
  addressOf: (id) => formatView({ ...view, id, code: null }),
  searchFrom,
  pointAt: (hit) => bitStrip.compare(hit),
  pointAtNone: () => bitStrip.clear(),
  explain: (hit) => bitStrip.explain(hit),
  more: loadMore,
});

/** Goes to another view: a new entry in the browser's history. */
function goTo(next) {
  history.pushState(null, "", formatView(next) || location.pathname);
  showAddress();
}

/** Shows the view in the address. */
function showAddress() {
  return withErrors(async () => {
    if (!searchForm) results.showLoading();
    await start();
    queryPanel.showRefusal(null);
    showView();
    await search();
  });
}

/** Reads the view in the address, and shows it in the forms. */
function showView() {
  view = parseView(location.hash);
  searchForm.show(view);
  filterForm.show(view);
}

function searchFrom(id) {
  focusResults();
  goTo({ ...view, id, code: null });
  revealResults();
}

function showRandomImage() {
  return withErrors(async () => {
    await start();
    const { items } = await api.fetchSamples(1, request.signal);
    if (items.length) goTo({ ...view, id: items[0].id, code: null });
  });
}

/** Aborts the request under way, so that a late answer cannot replace a newer one. */
function beginRequest() {
  request.abort();
  request = new AbortController();
  keepAnswer(null);
  results.showLoading();
  return request.signal;
}

/** Searches for the view and shows the answer. */
async function search() {
  const signal = beginRequest();
  showQueryImage();
  const body = toRequest(view, searchForm.preferred, false, PAGE_SIZE, 0);
  if (body) showAnswer(await api.fetchResults(body, null, signal));
  else await showStart(signal);
}

/** Searches with an uploaded image. If it is refused, everything stays as it was. */
function searchByUpload(image) {
  return withErrors(async () => {
    await start();
    queryPanel.showRefusal(null);
    if (image.size > MAX_UPLOAD_BYTES) {
      showRefusal(`${image.name} is larger than 20 MB.`);
      return;
    }
    const earlier = answer;
    const signal = beginRequest();
    const task = hasAttributes(view) ? view.task : "category";
    let found;
    try {
      found = await api.fetchResults(toRequest({ ...view, task }, searchForm.preferred, true, PAGE_SIZE, 0), image, signal);
    } catch (error) {
      if (!(error instanceof api.Refusal) || error.kind === "gone") throw error;
      showRefusal(error.message);
      if (earlier) showAnswer(earlier);
      else await search();
      return;
    }
    const { code } = found.query;
    if (uploads.has(code)) URL.revokeObjectURL(uploads.get(code));
    uploads.set(code, URL.createObjectURL(image));
    history.pushState(null, "", formatView({ ...view, task, id: null, code }));
    showView();
    showAnswer(found);
    revealResults();
  });
}

function showRefusal(message) {
  queryPanel.showRefusal(hasQuery(view) ? `${message} The earlier image is kept.` : message);
}

/** Adds the next results of the same search. If they are refused, the results stay as they are. */
function loadMore() {
  return withErrors(async () => {
    if (!answer) return;
    const before = answer;
    byId("more").disabled = true;
    try {
      const body = toRequest(view, searchForm.preferred, false, PAGE_SIZE, before.next_offset);
      const next = await api.fetchResults(body, null, request.signal);
      if (next.index.generation !== before.index.generation) {
        await search();
        notify("The index has changed. These are its results from the start.");
        return;
      }
      answer = { ...next, hits: [...before.hits, ...next.hits], query: before.query };
      results.notify(null);
      results.add(next);
      announce(`${formatCount(answer.hits.length)} of ${formatCount(answer.matched)} results.`);
    } catch (error) {
      if (answer !== before || !(error instanceof api.Refusal) || error.kind === "gone") throw error;
      notify(`More results could not be loaded. ${error.message}`);
      checkServer();
    } finally {
      byId("more").disabled = false;
    }
  });
}

function showAnswer(found) {
  keepAnswer(found);
  showQueryImage();
  showQuery(found);
  results.show(found);
  const time = found.timings.total;
  showFigures(found.matched, `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`);
  byId("figure-items").textContent = formatCount(found.index.items);
  byId("figure-time").title = ["decode", "encode", "search"]
    .map((stage) => `${stage} ${found.timings[stage].toFixed(1)} ms`)
    .join(", ");
  announce(`${formatCount(found.matched)} matches, ${formatCount(found.hits.length)} shown. ${showShortage(found)}`);
  noteAnswer(found.index);
}

/** If few images match, shows which condition excludes most. Returns the message. */
function showShortage({ shortage, matched, hits }) {
  const message = describeShortage(shortage, matched, hits.length);
  const without = ["Search without it", () => goTo(withoutCondition(view, shortage))];
  const clear = ["Clear all", () => goTo(withoutConditions(view))];
  const conditions = hasAttributes(view) || hasFilter(view);
  results.notify(message, ...(shortage ? [without] : []), ...(!matched && conditions ? [clear] : []));
  return message;
}

function describeShortage(shortage, matched, shown) {
  if (!shortage) return shown ? "" : "Nothing matches.";
  const few = `${matched ? `Only ${formatCount(matched)} match` : "Nothing matches"}. “${shortage.value}” excludes most`;
  return shortage.matched_without > matched
    ? `${few}: ${formatCount(shortage.matched_without)} would match without it.`
    : `${few}, but no more would match without it.`;
}

/** Shows what to do while the view does not search for anything yet. */
async function showStart(signal) {
  showFigures(null, null);
  if (view.task === "category") {
    showQuery(null);
    const { items } = await api.fetchSamples(SAMPLES, signal);
    if (items.length) results.showSamples(items);
    else results.showNone("There are no images yet");
    if (hasFilter(view)) notify("Choose an image or attributes: the filter applies to the search.");
    return;
  }
  if (hasQuery(view)) {
    const body = { task: "category", k: 1, ...(view.id === null ? { code: view.code } : { id: view.id }) };
    showQuery(await api.fetchResults(body, null, signal));
  } else showQuery(null);
  results.showNone("No attributes chosen yet");
  results.notify(
    hasQuery(view)
      ? "Choose attributes above that images must have or must not have, or take those of your image."
      : "Choose attributes above that images must have or must not have.",
  );
  announce("Choose attributes to search for.");
}

function showQueryImage() {
  if (view.id !== null) queryPanel.preview(`${api.itemAddress(view.id)}/thumbnail`, `Image ${view.id} of the index`);
  else if (uploads.has(view.code)) queryPanel.preview(uploads.get(view.code), "Your image");
  else if (view.code !== null) queryPanel.preview(null, "The link has only the code of the image, not the image.");
  else queryPanel.preview(null, null);
}

/** Shows category, attributes and code of the query of an answer; null for no query. */
function showQuery(answer) {
  const query = answer?.query ?? null;
  byId("about").hidden = !query;
  queryPanel.show(query);
  if (query) bitStrip.show(query.code, answer.bits);
  bitStrip.clear();
  const present = query ? query.attributes.filter(({ probability }) => probability >= PRESENT) : [];
  searchForm.setQueryAttributes(present.map(({ name }) => name));
}

/** Keeps the answer that is shown; null for none. */
function keepAnswer(found) {
  answer = found;
  byId("download").disabled = !found;
  showJumpLink(found?.matched);
}

function showFigures(matched, time) {
  byId("figure-matches").textContent = matched === null ? "–" : formatCount(matched);
  byId("figure-time").textContent = time ?? "–";
}

/** Says a sentence to screen readers. */
function announce(sentence) {
  byId("live").textContent = sentence;
}

/** Shows a message above the results, and says it to screen readers. */
function notify(message, ...actions) {
  results.notify(message, ...actions);
  announce(message);
}

/** Runs work that sends requests, and shows errors. */
async function withErrors(work) {
  try {
    await work();
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof api.Refusal)) throw error;
    keepAnswer(null);
    showFigures(null, null);
    if (error.kind === "gone") {
      results.showNone("The server does not answer");
      waitForServer(showAddress);
      return;
    }
    results.showNone("The search failed");
    notify(error.message, ["Try again", showAddress], ["Start over", () => goTo(EMPTY_VIEW)]);
    checkServer();
  }
}

/** Loads once what all searches need: attributes, fields, and the attributes of each bit. */
function start() {
  starting ??= Promise.all([api.fetchAttributes(), api.fetchFields(), api.fetchBits(), fetchStatus()]).then(
    ([attributes, { fields, items }, { bits }, stats]) => {
      searchForm = new SearchForm(attributes, goTo);
      filterForm = new FilterForm(fields, items === stats.items, goTo);
      bitStrip = new BitStrip(bits);
    },
    (error) => {
      starting = null;
      throw error;
    },
  );
  return starting;
}

startToolbar(() => answer, announce);
startKeyboard(showRandomImage);
byId("home").addEventListener("click", (event) => {
  event.preventDefault();
  goTo(EMPTY_VIEW);
});
byId("about").open = matchMedia("(width >= 52rem)").matches;
addEventListener("popstate", showAddress);
showAddress();
