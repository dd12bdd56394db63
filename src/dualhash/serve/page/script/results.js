/** The right column: pictures in their order, or why there are none. */

import { bar, byId, count, make, toResults } from "./dom.js";
import { foreign } from "./keys.js";
import { mark } from "./query.js";

const SKELETONS = 12;
const BADGES = { right: "✓", wrong: "✕", unknown: "?" };
const OF_KIND = { right: "the same kind", wrong: "another kind", unknown: "kind not labelled" };
const OF_WISHES = { right: "has what is wanted", wrong: "lacks something wanted", unknown: "not labelled" };

const NAMES = [/^(name|title)$/i, /(name|title)$/i];
const FILES = /(file|path|image).?name$/i;

/** What an item is called, by what was kept with it; undefined where nothing sounds like a name. */
export function nameOf({ payload, category }) {
  const named = NAMES.flatMap((pattern) => Object.keys(payload).filter((key) => pattern.test(key) && !FILES.test(key)));
  const values = named.map((key) => payload[key]).filter((value) => typeof value === "string");
  return values.find((value) => value.trim() && value !== category.name);
}

/** The grid of results. Tells what the user does through `on`. */
export class Results {
  /**
   * @param {Object} on
   * @param {function(number)} on.from search from this item
   * @param {function(Object)} on.look a result is looked at
   * @param {function()} on.rest none is
   * @param {function(Object): Node[]} on.explain in which bits a result differs
   * @param {function()} on.more go on
   */
  constructor(on) {
    this.on = on;
    this.grid = byId("grid");
    this.grid.addEventListener("keydown", (event) => this.#walk(event));
    this.grid.addEventListener("mouseleave", on.rest);
    byId("more").addEventListener("click", on.more);
  }

  /** Grey cards while the server works. */
  wait() {
    if (byId("results").contains(document.activeElement)) toResults();
    this.title("Searching …");
    this.notice(null);
    byId("results").setAttribute("aria-busy", "true");
    byId("more").hidden = true;
    this.grid.replaceChildren(
      ...Array.from({ length: SKELETONS }, () => make("li", { class: "card skeleton", "aria-hidden": "true" })),
    );
  }

  /** Results of an answer, after those that are there or in their place. */
  show(answer, { added = false } = {}) {
    byId("results").removeAttribute("aria-busy");
    const cards = answer.hits.map((hit) => this.#card(hit, answer));
    if (added) this.grid.append(...cards);
    else this.grid.replaceChildren(...cards);
    byId("more").hidden = answer.next_offset === null;
    this.title(answer.words);
    this.#reach(added ? cards[0] : this.grid.firstElementChild, { focus: added });
  }

  /** Pictures to begin with. */
  offer(items) {
    byId("results").removeAttribute("aria-busy");
    byId("more").hidden = true;
    this.title("Begin with one of these");
    this.grid.replaceChildren(
      ...items.map((item) =>
        make(
          "li",
          { class: "card sample" },
          picture(item, () => this.on.from(item.id)),
          make("p", { class: "caption" }, called(item), make("span", { class: "kind" }, item.category.name ?? "", " ", mark(item.category.source))),
          this.#from(item.id, `Search from this: ${nameOf(item) ?? item.category.name ?? "picture"}`),
        ),
      ),
    );
    this.#reach(this.grid.firstElementChild, {});
  }

  /** No results at all. */
  empty(title) {
    byId("results").removeAttribute("aria-busy");
    this.grid.replaceChildren();
    byId("more").hidden = true;
    this.title(title);
  }

  title(text) {
    byId("results-title").textContent = text;
  }

  /** A sentence above the grid with what can be done about it; null takes it away. */
  notice(sentence, ...actions) {
    byId("notice").replaceChildren(
      ...(sentence
        ? [
            make(
              "div",
              { class: "notice" },
              make("p", {}, sentence),
              ...actions.map(([label, act]) => make("button", { type: "button", class: "button", onclick: act }, label)),
            ),
          ]
        : []),
    );
  }

  #card(hit, answer) {
    const verdict = (answer.task === "attribute" || !answer.query ? OF_WISHES : OF_KIND)[hit.verdict];
    const distance = hit.distance === null ? null : `${count(hit.distance)} / ${count(answer.bits)} bits`;
    const look = () => this.on.look(hit);
    const wishes = Object.keys(answer.conditions);
    return make(
      "li",
      { class: `card ${hit.verdict}`, "data-id": hit.id, onmouseenter: look, onfocusin: look },
      picture(hit, () => this.on.from(hit.id)),
      make("span", { class: "badge", title: verdict }, make("span", { "aria-hidden": "true" }, BADGES[hit.verdict]), make("span", { class: "visually-hidden" }, verdict)),
      make(
        "p",
        { class: "caption" },
        make("span", { class: "rank" }, make("span", { class: "visually-hidden" }, "rank "), String(hit.rank)),
        distance ? make("span", { class: "distance" }, distance) : null,
        called(hit),
        make("span", { class: "kind" }, hit.category.name ?? "", " ", mark(hit.category.source)),
      ),
      wishes.length
        ? make(
            "ul",
            { class: "readings" },
            ...wishes.map((name) =>
              make(
                "li",
                { class: "reading" },
                make("span", { class: "reading-name" }, `${answer.conditions[name] ? "" : "not "}${name}`, " ", said(hit.labels[name], answer.conditions[name])),
                bar(answer.conditions[name] ? hit.probabilities[name] : 1 - hit.probabilities[name]),
              ),
            ),
          )
        : null,
      hit.differing ? this.#which(hit) : null,
      this.#from(hit.id, `Search from this one, rank ${hit.rank}: ${[nameOf(hit), hit.category.name ?? "no category", distance, verdict].filter(Boolean).join(", ")}`),
    );
  }

  #which(hit) {
    const asked = ({ currentTarget: which }) => {
      if (which.open && which.children.length === 1) which.append(...this.on.explain(hit));
    };
    const rank = make("span", { class: "visually-hidden" }, ` of rank ${hit.rank} differ`);
    return make("details", { class: "which", ontoggle: asked }, make("summary", { tabindex: "-1" }, "Which bits?", rank));
  }

  #from(id, label) {
    return make(
      "button",
      { type: "button", class: "from", tabindex: "-1", "aria-label": label, onclick: () => this.on.from(id) },
      "Search from this one",
    );
  }

  /** Makes one card the one that Tab comes to. */
  #reach(card, { focus = false }) {
    for (const control of this.grid.querySelectorAll("[tabindex='0']")) control.tabIndex = -1;
    if (!card) return;
    for (const control of card.querySelectorAll("[tabindex]")) control.tabIndex = 0;
    if (focus) card.querySelector(".from").focus();
  }

  #walk(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.#columns(), ArrowDown: this.#columns() };
    const card = event.target.closest(".card");
    if (foreign(event) || !(event.key in steps) || !card) return;
    event.preventDefault();
    const cards = [...this.grid.children];
    const next = cards[cards.indexOf(card) + steps[event.key]];
    if (next) this.#reach(next, { focus: true });
  }

  #columns() {
    return getComputedStyle(this.grid).gridTemplateColumns.split(" ").length;
  }
}

function called(item) {
  const name = nameOf(item);
  return name ? make("span", { class: "name", title: name }, name) : null;
}

/** What its label says of a wish; null where it has none. */
function said(label, wished) {
  if (label === undefined) return null;
  const found = mark("labelled", label ? " yes" : " no");
  if (label !== wished) found.prepend(make("span", { "aria-hidden": "true" }, "✕ "));
  found.classList.toggle("denied", label !== wished);
  return found;
}

/** The picture of an item; a click on it does what its button does. */
function picture(item, act) {
  const image = make("img", { src: item.thumbnail.slice(1), alt: "", loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => image.replaceWith(make("span", { class: "no-picture" }, "picture missing")));
  return make("div", { class: "frame", onclick: act }, image);
}
