/** Finds and creates HTML elements. */

import { formatPercent } from "./format.js";

/** Returns the element with an id. */
export const byId = (id) => document.getElementById(id);

/** Moves the focus to the results, before the focused control disappears. */
export const focusResults = () => byId("results").focus({ preventScroll: true });

/**
 * Creates an element.
 * @param {string} tag
 * @param {Object} properties attributes by name. A function is an event listener (`onclick`), `true`
 *   an attribute without a value; `false`, null and undefined are left out.
 * @param {...(Node|string|null)} children
 */
export function create(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Creates a bar for a probability, with its number as text. */
export function createBar(probability) {
  const fill = create("span", { class: "bar-fill" });
  fill.style.inlineSize = `${100 * probability}%`;
  return create(
    "span",
    { class: "bar" },
    create("span", { class: "bar-track", "aria-hidden": "true" }, fill),
    create("span", { class: "bar-number" }, formatPercent(probability)),
  );
}

/**
 * Creates the mark that says where a value comes from.
 * @param {"labelled"|"predicted"} source
 * @param {string} suffix further text, such as " yes"
 */
export function createSourceMark(source, suffix = "") {
  return create("span", { class: `mark ${source}` }, source + suffix);
}
