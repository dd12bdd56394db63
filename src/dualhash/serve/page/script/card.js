/** The card of one image in the results: picture, verdict, names, labels and links. */

import { itemAddress } from "./api.js";
import { create, createBar, createSourceMark } from "./elements.js";
import { formatCount } from "./format.js";
import { hasModifier } from "./keyboard.js";

/** Names and signs of the verdicts of the API. */
export const VERDICTS = {
  right: { name: "right", sign: "✓" },
  half: { name: "half right", sign: "½" },
  wrong: { name: "wrong", sign: "✕" },
  unknown: { name: "unknown", sign: "?" },
};

/**
 * @typedef {Object} CardActions
 * @property {function(number): string} addressOf address of the page that searches from an item
 * @property {function(number)} searchFrom searches from an item
 * @property {function(Object)} pointAt the reader points at a result
 * @property {function(Object): Node[]} explain elements that say in which bits a result differs
 */

/**
 * Creates the card of a result.
 * @param {Object} hit
 * @param {Object} answer the answer with the hit
 * @param {CardActions} on
 */
export function createResultCard(hit, answer, on) {
  const verdict = `${VERDICTS[hit.verdict].name}: ${answer.verdicts[hit.verdict]}`;
  const distance = hit.distance === null ? null : `${formatCount(hit.distance)} / ${formatCount(answer.bits)} bits`;
  const conditions = Object.entries(answer.conditions);
  const pointAt = () => on.pointAt(hit);
  const label = [hit.name ?? hit.file_name, hit.category.name ?? "no category", distance, verdict];
  return create(
    "li",
    { class: `card ${hit.verdict}`, "data-id": hit.id, onmouseenter: pointAt, onfocusin: pointAt },
    createFrame(hit, on),
    create(
      "span",
      { class: "badge", title: verdict },
      create("span", { "aria-hidden": "true" }, VERDICTS[hit.verdict].sign),
      create("span", { class: "visually-hidden" }, verdict),
    ),
    create(
      "p",
      { class: "caption" },
      create("span", { class: "rank" }, create("span", { class: "visually-hidden" }, "rank "), String(hit.rank)),
      distance ? create("span", { class: "distance" }, distance) : null,
      ...createNames(hit),
    ),
    conditions.length || hit.category_probability !== null
      ? create(
          "ul",
          { class: "readings" },
          hit.category_probability === null ? null : createKind(answer, hit),
          ...conditions.map(([name, wanted]) => createCondition(name, wanted, hit)),
        )
      : null,
    hit.differing ? createBitDetails(hit, on) : null,
    createSearchLink(hit.id, `Search from this one, rank ${hit.rank}: ${label.filter(Boolean).join(", ")}`, on),
  );
}

/**
 * Creates the card of an image to start with.
 * @param {Object} item
 * @param {CardActions} on
 */
export function createSampleCard(item, on) {
  return create(
    "li",
    { class: "card sample" },
    createFrame(item, on),
    create("p", { class: "caption" }, ...createNames(item)),
    createSearchLink(item.id, `Search from this one: ${item.name ?? item.file_name}`, on),
  );
}

/** The picture; a click does the same as the link below it. */
function createFrame(item, on) {
  const image = create("img", { src: item.thumbnail.slice(1), alt: "", loading: "lazy", decoding: "async" });
  image.addEventListener("error", () =>
    image.replaceWith(create("span", { class: "no-image" }, "no image file")),
  );
  return create("div", { class: "frame", onclick: () => on.searchFrom(item.id) }, image);
}

/** Name, category, file name and id. */
function createNames(item) {
  return [
    item.name ? create("span", { class: "name", title: item.name }, item.name) : null,
    create("span", { class: "category" }, item.category.name ?? "", " ", createSourceMark(item.category.source)),
    create(
      "span",
      { class: "source" },
      create("span", { class: "file-name", title: item.file_name }, item.file_name),
      " ",
      create(
        "a",
        {
          class: "item-link",
          href: itemAddress(item.id),
          target: "_blank",
          tabindex: "-1",
          title: "All data of this item, as JSON",
          "aria-label": `id ${item.id}: all data of this item, as JSON in a new tab`,
        },
        `id ${item.id}`,
      ),
    ),
  ];
}

/** How probable the category is that the search asks for. */
function createKind(answer, hit) {
  const name = create("span", { class: "reading-name" }, answer.category ?? "same kind");
  return create("li", { class: "reading" }, name, createBar(hit.category_probability));
}

/** An attribute that the search asks for: its label, and how probable the wanted value is. */
function createCondition(name, wanted, hit) {
  const label = hit.labels[name];
  const probability = wanted ? hit.probabilities[name] : 1 - hit.probabilities[name];
  let mark = null;
  if (label !== undefined) {
    mark = createSourceMark("labelled", label ? " yes" : " no");
    mark.classList.toggle("contradicts", label !== wanted);
    if (label !== wanted) mark.prepend(create("span", { "aria-hidden": "true" }, "✕ "));
  }
  const text = create("span", { class: "reading-name" }, `${wanted ? "" : "not "}${name}`, " ");
  if (mark) text.append(mark);
  return create("li", { class: "reading" }, text, createBar(probability));
}

/** The bits that differ from the query; drawn when they are opened. */
function createBitDetails(hit, on) {
  const draw = ({ currentTarget: details }) => {
    if (details.open && details.children.length === 1) details.append(...on.explain(hit));
  };
  const rank = create("span", { class: "visually-hidden" }, ` of rank ${hit.rank} differ`);
  return create(
    "details",
    { class: "which", ontoggle: draw },
    create("summary", { tabindex: "-1" }, "Which bits?", rank),
  );
}

function createSearchLink(id, label, on) {
  const search = (event) => {
    if (hasModifier(event) || event.shiftKey) return; // opens a tab or a window
    event.preventDefault();
    on.searchFrom(id);
  };
  return create(
    "a",
    { class: "from", href: on.addressOf(id), tabindex: "-1", "aria-label": label, onclick: search },
    "Search from this one",
  );
}
