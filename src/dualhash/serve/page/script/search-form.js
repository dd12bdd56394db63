/** The form above the results: the task, attributes with three states each, and the filter. */

import { byId, create, focusResults } from "./elements.js";
import { formatCount } from "./format.js";
import { hasModifier } from "./keyboard.js";
import {
  attributeState,
  hasAttributes,
  hasFilter,
  hasQuery,
  isNamed,
  taskOf,
  withAttribute,
  withoutConditions,
} from "./url-state.js";

const NEXT_STATE = { any: "want", want: "without", without: "any" };
const STATE_TEXT = { any: " (either)", want: " (wanted)", without: " (not wanted)" };
const STATE_SIGN = { any: "", want: "+", without: "−" };
const STATE_KEYS = { "+": "want", "=": "want", "-": "without", Delete: "any", Backspace: "any" };
const FEW_CHIPS = 12;

/** What each task finds, with and without a query image. */
const TASK_TEXT = {
  category: {
    true: "Images of the same kind as yours, most similar first. Choose attributes to narrow the search.",
    false: "Choose an image to find more of its kind.",
  },
  attribute: {
    true: "Images that most probably have the attributes you choose, whatever their kind.",
    false: "Images that most probably have the attributes you choose, whatever their kind.",
  },
  combined: {
    true: "Images of the same kind as yours that have the attributes you choose.",
    false: "Images that have the attributes you choose. Add an image to rank them by similarity to it.",
  },
  weighted: {
    true: "Images of the same kind as yours; those with the attributes you choose rank higher.",
  },
  posterior: {
    true: "Images that most probably are of the same kind as yours and have the attributes you choose.",
    false: "Images that most probably are of this kind and have the attributes you choose.",
  },
};

export class SearchForm {
  /**
   * @param {{facets: Object[], categories: string[], prefers_posterior: boolean}} attributes as in the API
   * @param {function(import("./url-state.js").View)} change shows another view
   */
  constructor({ facets, categories, prefers_posterior }, change) {
    this.change = change;
    this.preferred = prefers_posterior ? "posterior" : "strict";
    this.hasKinds = categories.length > 0;
    byId("by-posterior").hidden = !this.hasKinds;
    byId("kind").append(...categories.map((name) => create("option", { value: name }, name)));
    byId("kind").addEventListener("change", ({ target }) => change({ ...this.view, category: target.value || null }));
    this.chips = new Map();
    this.queryAttributes = [];
    this.#createChips(facets);
    byId("search-form").addEventListener("submit", (event) => event.preventDefault());
    for (const radio of document.querySelectorAll("input[name=task]")) {
      radio.addEventListener("change", () => change({ ...this.view, task: radio.value }));
    }
    for (const radio of document.querySelectorAll("input[name=strictness]")) {
      radio.addEventListener("change", () => change({ ...this.view, ranking: radio.value }));
    }
    byId("clear").addEventListener("click", () => {
      focusResults();
      change(withoutConditions(this.view));
    });
    byId("match-query").addEventListener("click", () => this.#matchQuery());
    byId("find-chip").addEventListener("input", () => this.#findChips());
    byId("tasks").disabled = false;
  }

  /** Shows the task and the attributes of a view. */
  show(view) {
    this.view = view;
    document.querySelector(`input[name=task][value=${view.task}]`).checked = true;
    byId("task-text").textContent = TASK_TEXT[taskOf(view, this.preferred)][hasQuery(view)];
    document.querySelector(`input[name=strictness][value=${view.ranking ?? this.preferred}]`).checked = true;
    byId("kind").hidden = !this.hasKinds || hasQuery(view);
    byId("kind").value = view.category ?? "";
    byId("strictness").hidden = view.task !== "combined" || !hasQuery(view);
    byId("clear").hidden = !hasAttributes(view) && !hasFilter(view) && !isNamed(view);
    for (const [name, chip] of this.chips) {
      const state = attributeState(view, name);
      chip.element.dataset.state = state;
      chip.sign.textContent = STATE_SIGN[state];
      chip.text.textContent = STATE_TEXT[state];
    }
    this.#findChips();
  }

  /** Takes the names of the attributes that are predicted for the query. */
  setQueryAttributes(names) {
    this.queryAttributes = names;
    byId("match-query").hidden = !names.length;
  }

  #matchQuery() {
    const task = this.view.task === "category" ? "attribute" : this.view.task;
    this.change({ ...this.view, task, want: this.queryAttributes, without: [] });
  }

  #createChips(facets) {
    const count = facets.reduce((sum, facet) => sum + facet.attributes.length, 0);
    byId("find-chip").closest("label").hidden = count <= FEW_CHIPS;
    byId("facets").replaceChildren(
      ...facets.map(({ facet, attributes }) =>
        create(
          "fieldset",
          { class: "facet" },
          create("legend", {}, facet ?? "attributes"),
          create("div", { class: "chips" }, ...attributes.map((attribute) => this.#createChip(attribute))),
        ),
      ),
    );
  }

  #createChip({ name, label, present }) {
    const sign = create("span", { class: "chip-sign", "aria-hidden": "true" });
    const text = create("span", { class: "visually-hidden" }, STATE_TEXT.any);
    const setState = (state) => this.change(withAttribute(this.view, name, state));
    const element = create(
      "button",
      {
        type: "button",
        class: "chip",
        title: `${name}: predicted for ${formatCount(present)} images`,
        "data-name": name,
        "data-state": "any",
        onclick: () => setState(NEXT_STATE[attributeState(this.view, name)]),
        onkeydown: (event) => {
          if (hasModifier(event) || !(event.key in STATE_KEYS)) return;
          event.preventDefault();
          setState(STATE_KEYS[event.key]);
        },
      },
      sign,
      label,
      text,
    );
    this.chips.set(name, { element, sign, text });
    return element;
  }

  /** Hides the chips that do not match the search field, except chosen ones. */
  #findChips() {
    const text = byId("find-chip").value.trim().toLowerCase();
    for (const [name, { element }] of this.chips) {
      element.hidden = !name.toLowerCase().includes(text) && element.dataset.state === "any";
    }
    for (const facet of document.querySelectorAll(".facet")) {
      facet.hidden = ![...facet.querySelectorAll(".chip")].some((chip) => !chip.hidden);
    }
  }
}
