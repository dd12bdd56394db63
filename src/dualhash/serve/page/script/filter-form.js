/** The filter: only images with chosen values of the category or of other fields. */

import { byId, create, focusResults } from "./elements.js";
import { formatCount } from "./format.js";
import { withFilter } from "./url-state.js";

export class FilterForm {
  /**
   * @param {Object[]} fields fields with common values, as in the API
   * @param {boolean} counted whether the values were counted over all items
   * @param {function(import("./url-state.js").View)} change shows another view
   */
  constructor(fields, counted, change) {
    this.fields = fields.filter(({ name, values }) => name !== "category" || values.length);
    this.counted = counted;
    this.change = change;
    byId("filter").hidden = !this.fields.length;
    byId("filter-field").replaceChildren(...this.fields.map(({ name }) => create("option", { value: name }, name)));
    byId("filter-field").addEventListener("change", () => this.#showValues());
    byId("filter-value").addEventListener("change", ({ target }) => this.#set(target.value));
    byId("filter-text").addEventListener("change", ({ target }) => this.#set(target.value.trim()));
    if (this.fields.length) this.#showValues();
  }

  /** Shows the filter of a view. */
  show(view) {
    this.view = view;
    byId("filters").replaceChildren(
      ...Object.entries(view.filter).map(([field, value]) => this.#createActive(field, value)),
    );
    if (this.fields.length) this.#showValues();
  }

  #set(value) {
    this.change(withFilter(this.view, byId("filter-field").value, value || null));
  }

  /** Offers the values of the chosen field: a list if all are known, else a text field with hints. */
  #showValues() {
    const field = this.fields.find(({ name }) => name === byId("filter-field").value);
    const current = this.view?.filter[field.name] ?? "";
    const known = field.complete && field.values.some(({ value }) => value === (current || value));
    const options = field.values
      .filter(({ value }) => value)
      .map(({ value, items }) => create("option", { value }, this.counted ? `${value} (${formatCount(items)})` : value));
    byId("filter-value").hidden = !known;
    byId("filter-text").hidden = known;
    if (known) byId("filter-value").replaceChildren(create("option", { value: "" }, "any value"), ...options);
    else byId("filter-hints").replaceChildren(...options);
    byId(known ? "filter-value" : "filter-text").value = current;
  }

  #createActive(field, value) {
    return create(
      "li",
      {},
      create(
        "button",
        {
          type: "button",
          class: "chip active-filter",
          "aria-label": `Remove the filter ${field}: ${value}`,
          onclick: () => {
            focusResults();
            this.change(withFilter(this.view, field, null));
          },
        },
        `${field}: ${value} `,
        create("span", { "aria-hidden": "true" }, "✕"),
      ),
    );
  }
}
