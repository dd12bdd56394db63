/** The right column: the results in order with their legend, or why there are none. */

import { createResultCard, createSampleCard, VERDICTS } from "./card.js";
import { byId, create, focusResults } from "./elements.js";
import { formatCount } from "./format.js";
import { hasModifier } from "./keyboard.js";

const PLACEHOLDERS = 12;

const narrow = matchMedia("(width < 52rem)");

export class Results {
  /**
   * @param {import("./card.js").CardActions & {more: function(), pointAtNone: function()}} on what to do
   *   when the reader acts: `more` loads the next results, `pointAtNone` ends pointing at a result
   */
  constructor(on) {
    this.on = on;
    this.grid = byId("grid");
    this.grid.addEventListener("keydown", (event) => this.#moveFocus(event));
    this.grid.addEventListener("mouseleave", on.pointAtNone);
    byId("more").addEventListener("click", on.more);
    for (const link of document.querySelectorAll("a[href='#results']")) {
      link.addEventListener("click", (event) => {
        event.preventDefault(); // the address is the view: it must stay
        scrollToResults();
      });
    }
  }

  /** Shows grey cards while the server works. */
  showLoading() {
    if (byId("results").contains(document.activeElement)) focusResults();
    byId("results").setAttribute("aria-busy", "true");
    this.#fill(
      "Searching …",
      Array.from({ length: PLACEHOLDERS }, () => create("li", { class: "card skeleton", "aria-hidden": "true" })),
    );
    this.notify(null);
  }

  /** Shows the results of an answer, in place of earlier ones. */
  show(answer) {
    this.#finish(
      answer.words,
      answer.hits.map((hit) => createResultCard(hit, answer, this.on)),
    );
    byId("more").hidden = answer.next_offset === null;
    this.#showLegend(answer);
  }

  /** Adds the next results of the same search. */
  add(answer) {
    const cards = answer.hits.map((hit) => createResultCard(hit, answer, this.on));
    this.grid.append(...cards);
    byId("more").hidden = answer.next_offset === null;
    this.#makeReachable(cards[0], { focus: true });
  }

  /** Shows images to start with. */
  showSamples(items) {
    this.#finish(
      "Start with one of these images",
      items.map((item) => createSampleCard(item, this.on)),
    );
  }

  /** Shows that there are no results. */
  showNone(title) {
    this.#finish(title, []);
  }

  /** Shows a message above the results, with buttons; null removes it. */
  notify(message, ...actions) {
    const buttons = actions.map(([label, act]) =>
      create("button", { type: "button", class: "button", onclick: act }, label),
    );
    byId("notice").replaceChildren(
      ...(message ? [create("div", { class: "notice" }, create("p", {}, message), ...buttons)] : []),
    );
  }

  #finish(title, cards) {
    byId("results").removeAttribute("aria-busy");
    this.#fill(title, cards);
    this.#makeReachable(cards[0], { focus: false });
  }

  #fill(title, cards) {
    byId("results-title").textContent = title;
    byId("legend").hidden = true;
    byId("more").hidden = true;
    this.grid.replaceChildren(...cards);
  }

  /** Says what the frames mean. */
  #showLegend({ verdicts, hits }) {
    byId("legend").hidden = !hits.length;
    byId("legend").replaceChildren(
      ...Object.keys(VERDICTS)
        .filter((verdict) => verdict in verdicts)
        .map((verdict) =>
          create(
            "li",
            { class: verdict },
            create("span", { class: "swatch", "aria-hidden": "true" }, VERDICTS[verdict].sign),
            create("span", {}, create("b", {}, VERDICTS[verdict].name), ` ${verdicts[verdict]}`),
          ),
        ),
    );
  }

  /** Makes one card the one that the Tab key reaches. */
  #makeReachable(card, { focus }) {
    for (const control of this.grid.querySelectorAll("[tabindex='0']")) control.tabIndex = -1;
    if (!card) return;
    for (const control of card.querySelectorAll("[tabindex]")) control.tabIndex = 0;
    if (focus) card.querySelector(".from").focus();
  }

  /** Moves the focus from card to card with the arrow keys. */
  #moveFocus(event) {
    const columns = getComputedStyle(this.grid).gridTemplateColumns.split(" ").length;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    const card = event.target.closest(".card");
    if (hasModifier(event) || !(event.key in steps) || !card) return;
    event.preventDefault();
    const cards = [...this.grid.children];
    const next = cards[cards.indexOf(card) + steps[event.key]];
    if (next) this.#makeReachable(next, { focus: true });
  }
}

function scrollToResults() {
  focusResults();
  byId("results").scrollIntoView();
}

/** Scrolls to the results on a narrow page, and to the top of a wide one. */
export function revealResults() {
  if (narrow.matches) scrollToResults();
  else scrollTo({ top: 0 });
}

/** Updates the link to the results below the query image; undefined hides it. */
export function showJumpLink(matched) {
  byId("jump").hidden = matched === undefined;
  byId("jump").textContent = matched
    ? `Go to ${formatCount(matched)} ${matched === 1 ? "result" : "results"}`
    : "See why nothing matches";
}
