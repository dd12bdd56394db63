/** Brings the parts of the page together: a view in the address, the search it asks for, the answer. */

import * as api from "./api.js";
import { byId, count, toResults } from "./dom.js";
import { announce, reveal, startJumps } from "./jump.js";
import { startKeys } from "./keys.js";
import * as presence from "./presence.js";
import { QueryPanel } from "./query.js";
import { Results } from "./results.js";
import { Strip } from "./strip.js";
import { startTaking } from "./taking.js";
import { startTheme } from "./theme.js";
import { NOTHING, hasQuery, hashOf, hasWishes, searchOf, viewOf, wishing } from "./view.js";
import { Wishes } from "./wishes.js";

const PAGE = 24;
const SAMPLES = 12;
const PRESENT = 0.5;
const UPLOAD_BYTES = 20 * 1024 * 1024;

/** Pixels of uploaded pictures by their codes, while the page is open. */
const uploaded = new Map();

let view = NOTHING;
let answer = null;
let searching = new AbortController();
let starting = null;
let wishes;
let strip;

const panel = new QueryPanel({
  image: (file) => upload(file),
  surprise: () => surprise(),
  remove: () => {
    toResults();
    go({ ...view, id: null, code: null });
  },
  wish: (name) => go(wishing(view, name, "want")),
});
const results = new Results({
  from: (id) => from(id),
  look: (hit) => strip.compare(hit),
  rest: () => strip.rest(),
  explain: (hit) => strip.explain(hit),
  more: () => more(),
});

/** Goes to another view, which the address then tells. */
function go(next) {
  history.pushState(null, "", hashOf(next) || location.pathname);
  look();
}

/** Shows what the address tells. */
function look() {
  return guarded(async () => {
    if (!wishes) results.wait();
    await start();
    view = viewOf(location.hash);
    panel.refuse(null);
    wishes.show(view);
    await run();
  });
}

function from(id) {
  toResults();
  go({ ...view, id, code: null });
  reveal();
}

function surprise() {
  return guarded(async () => {
    await start();
    const { items } = await api.samples(1, searching.signal);
    if (items.length) go({ ...view, id: items[0].id, code: null });
  });
}

/** Gives up what is under way, so that it cannot be shown in place of what comes now. */
function begin() {
  searching.abort();
  searching = new AbortController();
  showAnswer(null);
  results.wait();
  return searching.signal;
}

/** Searches for the view and shows the answer. */
async function run() {
  const signal = begin();
  showQuery();
  const asked = searchOf(view, false, PAGE, 0);
  if (!asked) {
    await nothingAsked(signal);
    return;
  }
  show(await api.search(asked, null, signal));
}

/** Searches with a picture; one that is refused leaves everything as it was. */
function upload(image) {
  return guarded(async () => {
    await start();
    panel.refuse(null);
    if (image.size > UPLOAD_BYTES) {
      refuse(`${image.name} is larger than 20 MB.`);
      return;
    }
    const shown = answer;
    const signal = begin();
    const task = hasWishes(view) ? view.task : "category";
    let got;
    try {
      got = await api.search(searchOf({ ...view, task }, true, PAGE, 0), image, signal);
    } catch (error) {
      if (!(error instanceof api.Refusal) || error.kind === "gone") throw error;
      refuse(error.message);
      if (shown) show(shown);
      else await run();
      return;
    }
    if (uploaded.has(got.query.code)) URL.revokeObjectURL(uploaded.get(got.query.code));
    uploaded.set(got.query.code, URL.createObjectURL(image));
    history.pushState(null, "", hashOf({ ...view, task, id: null, code: got.query.code }));
    view = viewOf(location.hash);
    wishes.show(view);
    show(got);
    reveal();
  });
}

function refuse(sentence) {
  panel.refuse(hasQuery(view) ? `${sentence} The earlier picture is kept.` : sentence);
}

/** The next results of the same search; one that is refused leaves those that are there. */
function more() {
  return guarded(async () => {
    if (!answer) return;
    const before = answer;
    byId("more").disabled = true;
    try {
      const asked = searchOf(view, false, PAGE, before.next_offset);
      const next = await api.search(asked, null, searching.signal);
      if (next.index.generation !== before.index.generation) {
        await run();
        tell("The index has changed meanwhile. These are its results from the beginning.");
        return;
      }
      answer = { ...next, hits: [...before.hits, ...next.hits], query: before.query };
      results.notice(null);
      results.show(next, { added: true });
      say(`${count(answer.hits.length)} of ${count(answer.matched)} results.`);
    } catch (error) {
      if (answer !== before || !(error instanceof api.Refusal) || error.kind === "gone") throw error;
      tell(`There is no more for now. ${error.message}`);
      presence.ask();
    } finally {
      byId("more").disabled = false;
    }
  });
}

function show(got) {
  showAnswer(got);
  showQuery();
  showKnown(got.query);
  results.show(got);
  const time = got.timings.total;
  figures(got.matched, `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`);
  byId("figure-items").textContent = count(got.index.items);
  byId("figure-time").title = ["decode", "encode", "search"]
    .map((stage) => `${stage} ${got.timings[stage].toFixed(1)} ms`)
    .join(", ");
  say(`${count(got.matched)} matches, ${count(got.hits.length)} shown. ${shortage(got)}`);
  presence.answered(got.index);
}

/** Shows which wish excludes most, where fewer match than the page has room for; the sentence. */
function shortage({ shortage: short, matched, hits }) {
  const sentence = shortageWords(short, matched, hits.length);
  const without = ["Search without it", () => go(wishing(view, short.wish, "any"))];
  const clear = ["Clear wishes", () => go({ ...view, want: [], without: [] })];
  results.notice(sentence, ...(short ? [without] : []), ...(!matched && hasWishes(view) ? [clear] : []));
  return sentence;
}

function shortageWords(short, matched, shown) {
  if (!short) return shown ? "" : "Nothing matches.";
  const few = `${matched ? `Only ${count(matched)} match` : "Nothing matches"}. “${short.wish}” excludes most`;
  return short.matched_without > matched
    ? `${few}: ${count(short.matched_without)} would match without it.`
    : `${few}, but without it no more would match.`;
}

/** The view asks for nothing yet. */
async function nothingAsked(signal) {
  figures(null, null);
  if (view.task === "category") {
    showKnown(null);
    const { items } = await api.samples(SAMPLES, signal);
    if (items.length) results.offer(items);
    else results.empty("There are no pictures yet");
    return;
  }
  if (hasQuery(view)) {
    const query = { task: "category", k: 1, ...(view.id === null ? { code: view.code } : { id: view.id }) };
    const got = await api.search(query, null, signal);
    showKnown(got.query);
  } else showKnown(null);
  results.empty("Nothing chosen yet");
  results.notice(
    hasQuery(view)
      ? "Choose above what pictures shall have or not have, or take over what yours has."
      : "Choose above what pictures shall have or not have.",
  );
  say("Choose attributes to search for.");
}

function showQuery() {
  if (view.id !== null) panel.preview(`api/v1/items/${view.id}/thumbnail`, `Picture ${view.id} of the index`);
  else if (uploaded.has(view.code)) panel.preview(uploaded.get(view.code), "Your picture");
  else if (view.code !== null) panel.preview(null, "Only its code is in the link, not the picture itself.");
  else panel.preview(null, null);
}

/** What the index and the code know of the query; null for none. */
function showKnown(query) {
  byId("about").hidden = !query;
  panel.show(query);
  if (query) strip.show(query.code);
  strip.rest();
  wishes.queryHas(query ? query.attributes.filter(({ probability }) => probability >= PRESENT).map(({ name }) => name) : []);
}

/** Keeps the answer that is shown; null for none. */
function showAnswer(got) {
  answer = got;
  byId("download").disabled = !got;
  announce(got?.matched);
}

function figures(matched, time) {
  byId("figure-matches").textContent = matched === null ? "–" : count(matched);
  byId("figure-time").textContent = time ?? "–";
}

function say(text) {
  byId("live").textContent = text;
}

/** Says something for eyes and ears, with what can be done about it. */
function tell(sentence, ...actions) {
  results.notice(sentence, ...actions);
  say(sentence);
}

/** Runs something that asks the server, and shows what goes wrong. */
async function guarded(work) {
  try {
    await work();
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof api.Refusal)) throw error;
    showAnswer(null);
    figures(null, null);
    if (error.kind === "gone") {
      results.empty("The server is gone");
      presence.lookFor(look);
      return;
    }
    results.empty("This search was not answered");
    tell(error.message, ["Try again", look], ["Start afresh", () => go(NOTHING)]);
    presence.ask();
  }
}

/** What holds for all searches: the index, its attributes, and what the bits carry. */
function start() {
  starting ??= Promise.all([api.attributes(), api.bits(), presence.greet()]).then(
    ([known, carried]) => {
      wishes = new Wishes(known, go);
      strip = new Strip(carried.bits);
    },
    (error) => {
      starting = null;
      throw error;
    },
  );
  return starting;
}

startTheme();
startJumps();
startKeys(surprise);
startTaking(() => answer, say);
byId("home").addEventListener("click", (event) => {
  event.preventDefault();
  go(NOTHING);
});
byId("about").open = matchMedia("(width >= 52rem)").matches;
addEventListener("popstate", look);
look();
