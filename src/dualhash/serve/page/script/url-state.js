/**
 * The search that the page shows. All of it is in the address, so that a link restores it.
 *
 * @typedef {Object} View
 * @property {number|null} id query: an item of the index
 * @property {string|null} code query: the code of an uploaded image, in hexadecimal
 * @property {"category"|"attribute"|"combined"} task
 * @property {string[]} want attributes that results must have
 * @property {string[]} without attributes that results must not have
 * @property {"strict"|"weighted"|"posterior"|null} ranking whether images of the same kind without
 *   these attributes are left out, rank lower, or all rank by probability; null for what the server prefers
 * @property {string|null} category the kind to search for, without a query
 * @property {Object<string, string>} filter value by field
 */

const TASKS = ["category", "attribute", "combined"];
const RANKINGS = ["strict", "weighted", "posterior"];

/** @type {View} */
export const EMPTY_VIEW = Object.freeze({
  id: null,
  code: null,
  task: "category",
  want: [],
  without: [],
  ranking: null,
  category: null,
  filter: {},
});

/** Reads a view from an address' part after #; ignores parameters that it cannot read. */
export function parseView(hash) {
  const parameters = new URLSearchParams(hash.replace(/^#/, ""));
  const id = parameters.get("id");
  const code = parameters.get("code");
  return {
    id: /^\d+$/.test(id ?? "") ? Number(id) : null,
    code: /^([0-9a-f]{2})+$/.test(code ?? "") ? code : null,
    task: TASKS.includes(parameters.get("task")) ? parameters.get("task") : "category",
    want: parameters.getAll("want"),
    without: parameters.getAll("without"),
    ranking: RANKINGS.includes(parameters.get("ranking")) ? parameters.get("ranking") : null,
    category: parameters.get("category"),
    filter: Object.fromEntries(parameters.getAll("filter").map(parseFilter)),
  };
}

function parseFilter(text) {
  const [field, ...value] = text.split("=");
  try {
    return [decodeURIComponent(field), value.join("=")];
  } catch {
    return [field, value.join("=")];
  }
}

/** Returns the part of an address after # for a view. */
export function formatView(view) {
  const parameters = new URLSearchParams();
  if (view.id !== null) parameters.set("id", view.id);
  if (view.code !== null) parameters.set("code", view.code);
  if (view.task !== "category") parameters.set("task", view.task);
  for (const name of view.want) parameters.append("want", name);
  for (const name of view.without) parameters.append("without", name);
  if (view.ranking) parameters.set("ranking", view.ranking);
  if (isNamed(view)) parameters.set("category", view.category);
  for (const [field, value] of Object.entries(view.filter)) {
    parameters.append("filter", `${encodeURIComponent(field)}=${value}`);
  }
  return parameters.size ? `#${parameters}` : "";
}

export const hasQuery = (view) => view.id !== null || view.code !== null;
export const hasAttributes = (view) => view.want.length + view.without.length > 0;
export const hasFilter = (view) => Object.keys(view.filter).length > 0;

export const isNamed = (view, withQuery = hasQuery(view)) => view.category !== null && !withQuery;

/** Returns the task of the API. Without a query, images without the attributes are left out. */
export function taskOf(view, preferred, withQuery = hasQuery(view)) {
  if (isNamed(view, withQuery)) return "posterior";
  const ranking = view.ranking ?? preferred;
  return view.task === "combined" && withQuery && ranking !== "strict" ? ranking : view.task;
}

/** Returns "want", "without" or "any": the state of an attribute. */
export function attributeState(view, name) {
  if (view.want.includes(name)) return "want";
  return view.without.includes(name) ? "without" : "any";
}

/** Returns the view with another state of an attribute. The first attribute ends the category task. */
export function withAttribute(view, name, state) {
  const others = (names) => names.filter((each) => each !== name);
  const next = {
    ...view,
    want: state === "want" ? [...others(view.want), name] : others(view.want),
    without: state === "without" ? [...others(view.without), name] : others(view.without),
  };
  if (view.task === "category" && hasAttributes(next)) next.task = hasQuery(view) ? "combined" : "attribute";
  return next;
}

/** Returns the view with another value of a filter field; null removes the field. */
export function withFilter(view, field, value) {
  const { [field]: _, ...others } = view.filter;
  return { ...view, filter: value === null ? others : { ...others, [field]: value } };
}

/** Returns the view without attributes, named kind and filter. */
export const withoutConditions = (view) => ({ ...view, want: [], without: [], category: null, filter: {} });

/**
 * Returns the view without the condition that a shortage names.
 * @param {View} view
 * @param {{field: string, value: string}} shortage as in the API
 */
export function withoutCondition(view, { field, value }) {
  if (field !== "filter") return withAttribute(view, value, "any");
  const entry = Object.entries(view.filter).find((pair) => pair.join("=") === value);
  return entry ? withFilter(view, entry[0], null) : { ...view, filter: {} };
}

/**
 * Returns the API's search request; null if the view does not search for anything yet.
 * @param {string} preferred the ranking if the view has none
 */
export function toRequest(view, preferred, uploading, k, offset) {
  const withQuery = hasQuery(view) || uploading;
  const named = isNamed(view, withQuery);
  if (!named && (view.task === "category" ? !withQuery : !hasAttributes(view))) return null;
  const request = { task: taskOf(view, preferred, withQuery), k, offset };
  if (named) request.category = view.category;
  if (view.task !== "category") {
    request.want = view.want;
    request.without = view.without;
  }
  if (hasFilter(view)) request.filter = view.filter;
  if (uploading) return request;
  if (view.id !== null) request.id = view.id;
  else if (view.code !== null) request.code = view.code;
  return request;
}
