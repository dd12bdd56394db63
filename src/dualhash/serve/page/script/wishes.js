/** The form above the results: the task, and attributes with three states each. */

import { byId, count, make, toResults } from "./dom.js";
import { foreign } from "./keys.js";
import { hasQuery, hasWishes, isWeighted, wishing, wishOf } from "./view.js";

const NEXT = { any: "want", want: "not", not: "any" };
const SAID = { any: " (either)", want: " (wanted)", not: " (not wanted)" };
const SIGN = { any: "", want: "+", not: "−" };
const KEYS = { "+": "want", "=": "want", "-": "not", Delete: "any", Backspace: "any" };
const FEW = 12;

const WORDS = {
  category: {
    true: "Pictures of the same kind as yours, closest code first. Choose attributes to be particular.",
    false: "Choose or drop a picture to find more of its kind.",
  },
  attribute: {
    true: "Pictures that most probably have the attributes you choose, whatever their kind.",
    false: "Pictures that most probably have the attributes you choose, whatever their kind.",
  },
  combined: {
    true: "Pictures of the same kind as yours that have what you choose.",
    false: "Pictures that have what you choose. With a picture of your own they come by likeness to it.",
  },
  weighted: {
    true: "Pictures of the same kind as yours, those first that have what you choose.",
  },
};

/** The form; tells `changed` of every new view. */
export class Wishes {
  /**
   * @param {{facets: Object[]}} known attributes by facet, as the API has them
   * @param {function(import("./view.js").View)} changed
   */
  constructor(known, changed) {
    this.changed = changed;
    this.chips = new Map();
    this.present = [];
    this.#build(known.facets);
    byId("wishes").addEventListener("submit", (event) => event.preventDefault());
    for (const radio of document.querySelectorAll("input[name=task]")) {
      radio.addEventListener("change", () => changed({ ...this.view, task: radio.value }));
    }
    for (const radio of document.querySelectorAll("input[name=strictness]")) {
      radio.addEventListener("change", () => changed({ ...this.view, weighted: radio.value === "weighted" }));
    }
    byId("clear").addEventListener("click", () => {
      toResults();
      changed({ ...this.view, want: [], without: [] });
    });
    byId("take-over").addEventListener("click", () => this.#takeOver());
    byId("find-chip").addEventListener("input", () => this.#find());
    for (const control of byId("wishes").querySelectorAll("fieldset:disabled")) control.disabled = false;
  }

  /** Shows what a view wishes. */
  show(view) {
    this.view = view;
    document.querySelector(`input[name=task][value=${view.task}]`).checked = true;
    byId("task-words").textContent = WORDS[isWeighted(view) ? "weighted" : view.task][hasQuery(view)];
    document.querySelector(`input[name=strictness][value=${view.weighted ? "weighted" : "hard"}]`).checked = true;
    byId("strictness").hidden = view.task !== "combined" || !hasQuery(view);
    byId("clear").hidden = !hasWishes(view);
    for (const [name, chip] of this.chips) {
      const wish = wishOf(view, name);
      chip.element.dataset.wish = wish;
      chip.sign.textContent = SIGN[wish];
      chip.said.textContent = SAID[wish];
    }
    this.#find();
  }

  /** What the query has by its code, so that it can be taken over. */
  queryHas(present) {
    this.present = present;
    byId("take-over").hidden = !present.length;
  }

  #takeOver() {
    const task = this.view.task === "category" ? "attribute" : this.view.task;
    this.changed({ ...this.view, task, want: this.present, without: [] });
  }

  #build(facets) {
    const number = facets.reduce((sum, facet) => sum + facet.attributes.length, 0);
    byId("find-chip").closest("label").hidden = number <= FEW;
    byId("facets").replaceChildren(
      ...facets.map(({ facet, attributes }) =>
        make(
          "fieldset",
          { class: "facet" },
          make("legend", {}, facet ?? "attributes"),
          make("div", { class: "chips" }, ...attributes.map((attribute) => this.#chip(attribute))),
        ),
      ),
    );
  }

  #chip({ name, label, present }) {
    const sign = make("span", { class: "chip-sign", "aria-hidden": "true" });
    const said = make("span", { class: "visually-hidden" }, SAID.any);
    const element = make(
      "button",
      {
        type: "button",
        class: "chip",
        title: `${name}: ${count(present)} pictures by their codes`,
        "data-name": name,
        "data-wish": "any",
        onclick: () => this.changed(wishing(this.view, name, NEXT[wishOf(this.view, name)])),
        onkeydown: (event) => {
          if (foreign(event) || !(event.key in KEYS)) return;
          event.preventDefault();
          this.changed(wishing(this.view, name, KEYS[event.key]));
        },
      },
      sign,
      label,
      said,
    );
    this.chips.set(name, { element, sign, said });
    return element;
  }

  #find() {
    const sought = byId("find-chip").value.trim().toLowerCase();
    for (const [name, { element }] of this.chips) {
      element.hidden = !name.toLowerCase().includes(sought) && element.dataset.wish === "any";
    }
    for (const facet of document.querySelectorAll(".facet")) {
      facet.hidden = ![...facet.querySelectorAll(".chip")].some((chip) => !chip.hidden);
    }
  }
}
