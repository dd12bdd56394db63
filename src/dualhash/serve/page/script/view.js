/**
 * What is being looked at. All of it stands in the address, so that a link restores it.
 *
 * @typedef {Object} View
 * @property {number|null} id item that asks
 * @property {string|null} code code that asks, in hexadecimal; of an uploaded picture
 * @property {"category"|"attribute"|"combined"} task
 * @property {string[]} want attributes that shall be present
 * @property {string[]} without attributes that shall be absent
 * @property {boolean} weighted whether what lacks them is ranked lower instead of left out
 */

const TASKS = ["category", "attribute", "combined"];

/** @type {View} */
export const NOTHING = Object.freeze({
  id: null,
  code: null,
  task: "category",
  want: [],
  without: [],
  weighted: false,
});

/** The view that an address' part after # tells; what it does not understand it leaves out. */
export function viewOf(hash) {
  const told = new URLSearchParams(hash.replace(/^#/, ""));
  const id = told.get("id");
  const code = told.get("code");
  return {
    id: /^\d+$/.test(id ?? "") ? Number(id) : null,
    code: /^([0-9a-f]{2})+$/.test(code ?? "") ? code : null,
    task: TASKS.includes(told.get("task")) ? told.get("task") : "category",
    want: told.getAll("want"),
    without: told.getAll("without"),
    weighted: told.get("weighted") === "1",
  };
}

/** The part of an address after #. */
export function hashOf(view) {
  const told = new URLSearchParams();
  if (view.id !== null) told.set("id", view.id);
  if (view.code !== null) told.set("code", view.code);
  if (view.task !== "category") told.set("task", view.task);
  for (const name of view.want) told.append("want", name);
  for (const name of view.without) told.append("without", name);
  if (view.weighted) told.set("weighted", "1");
  return told.size ? `#${told}` : "";
}

export const hasQuery = (view) => view.id !== null || view.code !== null;
export const hasWishes = (view) => view.want.length + view.without.length > 0;

/** Whether what lacks the wishes is ranked lower; without a query it is always left out. */
export const isWeighted = (view, asked = hasQuery(view)) => view.task === "combined" && view.weighted && asked;

/** "want", "not" or "any": what is wished of an attribute. */
export function wishOf(view, name) {
  if (view.want.includes(name)) return "want";
  return view.without.includes(name) ? "not" : "any";
}

/** The view with another wish of an attribute. A first wish leaves the task that has none. */
export function wishing(view, name, wish) {
  const others = (names) => names.filter((each) => each !== name);
  const wished = {
    ...view,
    want: wish === "want" ? [...others(view.want), name] : others(view.want),
    without: wish === "not" ? [...others(view.without), name] : others(view.without),
  };
  if (view.task === "category" && hasWishes(wished)) wished.task = hasQuery(view) ? "combined" : "attribute";
  return wished;
}

/** What the API is asked for; null where there is nothing to ask yet. */
export function searchOf(view, uploading, k, offset) {
  const asked = hasQuery(view) || uploading;
  if (view.task === "category" ? !asked : !hasWishes(view)) return null;
  const search = { task: isWeighted(view, asked) ? "weighted" : view.task, k, offset };
  if (view.task !== "category") {
    search.want = view.want;
    search.without = view.without;
  }
  if (uploading) return search;
  if (view.id !== null) search.id = view.id;
  else if (view.code !== null) search.code = view.code;
  return search;
}
