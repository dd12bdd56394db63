/** Draws the bits of a code, marks those that differ from another code, and names their attributes. */

import { byId, create } from "./elements.js";
import { formatCount } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const COLUMNS = { short: 16, long: 32 };
const SHORT_BITS = 128;
const CELL = 10;
const MAX_NAMES = 4;

/** Returns the bits (0 or 1) of a code in hexadecimal, bit 0 first. */
function bitsOf(hexadecimal) {
  return [...hexadecimal].flatMap((digit) =>
    [8, 4, 2, 1].map((place) => (Number.parseInt(digit, 16) & place ? 1 : 0)),
  );
}

/** Returns the numbers of the bits in which a result differs from the query. */
const differingBits = (hit) => bitsOf(hit.differing).flatMap((bit, number) => (bit ? [number] : []));

/**
 * Returns the names of the attributes that some bits say most about, strongest first.
 * @param {number[]} numbers numbers of the bits
 * @param {{name: string, attribution: number}[][]} attributions attributes of each bit
 */
function attributesOf(numbers, attributions) {
  const totals = new Map();
  for (const number of numbers) {
    for (const { name, attribution } of attributions[number] ?? []) {
      totals.set(name, (totals.get(name) ?? 0) + Math.abs(attribution));
    }
  }
  return [...totals].sort(([, one], [, other]) => other - one).map(([name]) => name);
}

/** The strip of the query's code in the left column, and the strips in the cards of results. */
export class BitStrip {
  /** @param {{name: string, attribution: number}[][]} attributions attributes of each bit */
  constructor(attributions) {
    this.attributions = attributions;
    this.bits = [];
    this.code = "";
  }

  /**
   * Shows the code of a query.
   * @param {string} code in hexadecimal
   * @param {number} ranking number of leading bits that distances compare
   */
  show(code, ranking) {
    if (code === this.code) return;
    this.code = code;
    this.bits = bitsOf(code);
    this.ranking = ranking;
    this.drawing = this.#draw(this.bits.length > SHORT_BITS ? COLUMNS.long : COLUMNS.short);
    byId("strip").replaceChildren(this.drawing);
    this.clear();
  }

  /** Marks the bits in which a result differs, and names their attributes. */
  compare(hit) {
    if (!hit.differing) return;
    mark(this.drawing, differingBits(hit));
    byId("strip-text").replaceChildren(...this.#describe(hit));
  }

  /** Ends the comparison. */
  clear() {
    if (this.drawing) mark(this.drawing, []);
    byId("strip-text").textContent =
      "A filled dot is a 1. Point at a result, or open its “Which bits?”, to see which bits differ and what they say.";
  }

  /** Returns a strip and its description for the card of a result. */
  explain(hit) {
    const drawing = this.#draw(COLUMNS.short);
    mark(drawing, differingBits(hit));
    return [drawing, create("p", { class: "strip-text" }, ...this.#describe(hit))];
  }

  #describe(hit) {
    const differing = differingBits(hit);
    const names = attributesOf(differing, this.attributions).slice(0, MAX_NAMES);
    const others = differing.length - hit.distance;
    const sentence = differing.length
      ? `Result ${hit.rank} differs in ${formatCount(hit.distance)} of ${formatCount(this.ranking)} bits` +
        (others ? ` that rank, and in ${formatCount(others)} others` : "")
      : `Result ${hit.rank} has the same code`;
    return [
      sentence + (differing.length && names.length ? "; they say most about " : "."),
      ...names.flatMap((name, position) => [create("b", {}, name), position < names.length - 1 ? ", " : "."]),
    ];
  }

  #draw(columns) {
    const ones = this.bits.reduce((sum, bit) => sum + bit, 0);
    return createSvg(
      "svg",
      {
        viewBox: `0 0 ${columns * CELL} ${Math.ceil(this.bits.length / columns) * CELL}`,
        role: "img",
        class: "strip",
        "aria-label": `${formatCount(ones)} of ${formatCount(this.bits.length)} bits are 1`,
      },
      ...this.bits.map((bit, number) => this.#drawBit(bit, number, columns)),
    );
  }

  #drawBit(bit, number, columns) {
    const x = (number % columns) * CELL + CELL / 2;
    const y = Math.floor(number / columns) * CELL + CELL / 2;
    const names = (this.attributions[number] ?? []).map(({ name }) => name).join(", ");
    const ranks = number < this.ranking;
    return createSvg(
      "g",
      { class: `bit${bit ? " set" : ""}${ranks ? "" : " other"}`, transform: `translate(${x} ${y})` },
      createSvg("title", {}, `Bit ${number} is ${bit}${ranks ? "" : "; it does not rank"}${names ? `; says most about ${names}` : ""}`),
      createSvg("rect", { x: -4.5, y: -4.5, width: 9, height: 9, rx: 2 }),
      createSvg("circle", { r: bit ? 3.4 : 1.3 }),
    );
  }
}

function mark(drawing, numbers) {
  const marked = new Set(numbers);
  [...drawing.children].forEach((cell, number) => cell.classList.toggle("differs", marked.has(number)));
}

function createSvg(tag, properties, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(properties)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
