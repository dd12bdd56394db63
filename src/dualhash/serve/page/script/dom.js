/** Small helpers to build and find elements. */

/** The element with an id. */
export const byId = (id) => document.getElementById(id);

/** Moves the focus to the results, from something that is about to go away. */
export const toResults = () => byId("results").focus({ preventScroll: true });

/**
 * A new element.
 * @param {string} tag
 * @param {Object} properties attributes by name; functions are listeners (`onclick`), `true` is an
 *   attribute without a value, `false`, null and undefined leave it out.
 * @param {...(Node|string|null)} children
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A bar of a probability with its number; decoration for eyes, the number is text. */
export function bar(probability) {
  const fill = make("span", { class: "bar-fill" });
  fill.style.inlineSize = `${100 * probability}%`;
  return make(
    "span",
    { class: "bar" },
    make("span", { class: "bar-track", "aria-hidden": "true" }, fill),
    make("span", { class: "bar-number" }, percent(probability)),
  );
}

const numbers = new Intl.NumberFormat("en");

/** 33,756 */
export const count = (number) => numbers.format(number);

/** 0.973 as 97 % */
export const percent = (share) => `${Math.round(100 * share)} %`;
