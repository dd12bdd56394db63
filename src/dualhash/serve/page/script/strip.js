/** The strip of bits: which are set, which differ from another code, what those carry. */

import { byId, count, make } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const COLUMNS = { few: 16, many: 32 };
const FEW = 128;
const CELL = 10;
const NAMED = 4;

/** The bits of a code in hexadecimal, bit 0 first. */
export function bitsOf(hexadecimal) {
  return [...hexadecimal].flatMap((digit) =>
    [8, 4, 2, 1].map((place) => (Number.parseInt(digit, 16) & place ? 1 : 0)),
  );
}

/**
 * What some bits carry: attributes by how much those bits say of them, strongest first.
 * @param {number[]} differing numbers of bits
 * @param {{name: string, attribution: number}[][]} carried for each bit
 */
export function carriedBy(differing, carried) {
  const said = new Map();
  for (const bit of differing) {
    for (const { name, attribution } of carried[bit] ?? []) {
      said.set(name, (said.get(name) ?? 0) + Math.abs(attribution));
    }
  }
  return [...said].sort(([, one], [, other]) => other - one).map(([name]) => name);
}

/** The strip in the left column, and those in the cards of results. */
export class Strip {
  /** @param {{name: string, attribution: number}[][]} carried what each bit carries */
  constructor(carried) {
    this.carried = carried;
    this.bits = [];
    this.code = "";
  }

  /** Shows the code of a query. */
  show(code) {
    if (code === this.code) return;
    this.code = code;
    this.bits = bitsOf(code);
    this.drawing = this.#draw(this.bits.length > FEW ? COLUMNS.many : COLUMNS.few);
    byId("strip").replaceChildren(this.drawing);
    this.rest();
  }

  /** Marks the bits in which a result differs, and names what they carry. */
  compare(hit) {
    if (!hit.differing) return;
    mark(this.drawing, differingOf(hit));
    byId("strip-text").replaceChildren(...this.#words(hit));
  }

  /** The same for a result's own card. */
  explain(hit) {
    const drawing = this.#draw(COLUMNS.few);
    mark(drawing, differingOf(hit));
    return [drawing, make("p", { class: "strip-text" }, ...this.#words(hit))];
  }

  /** Nothing is compared. */
  rest() {
    if (this.drawing) mark(this.drawing, []);
    byId("strip-text").textContent =
      "A filled dot is a 1. Point at a result, or ask it “Which bits?”, to see which differ and what they carry.";
  }

  #words(hit) {
    const differing = differingOf(hit);
    const names = carriedBy(differing, this.carried).slice(0, NAMED);
    const said = differing.length
      ? `Number ${hit.rank} differs in ${count(differing.length)} of ${count(this.bits.length)} bits`
      : `Number ${hit.rank} has the same code`;
    return [
      said + (differing.length && names.length ? "; they say most of " : "."),
      ...names.flatMap((name, place) => [make("b", {}, name), place < names.length - 1 ? ", " : "."]),
    ];
  }

  #draw(columns) {
    const set = this.bits.reduce((sum, bit) => sum + bit, 0);
    return drawn(
      "svg",
      {
        viewBox: `0 0 ${columns * CELL} ${Math.ceil(this.bits.length / columns) * CELL}`,
        role: "img",
        class: "strip",
        "aria-label": `${count(set)} of ${count(this.bits.length)} bits are set`,
      },
      ...this.bits.map((bit, place) => this.#cell(bit, place, columns)),
    );
  }

  #cell(bit, place, columns) {
    const x = (place % columns) * CELL + CELL / 2;
    const y = Math.floor(place / columns) * CELL + CELL / 2;
    const carries = (this.carried[place] ?? []).map(({ name }) => name).join(", ");
    return drawn(
      "g",
      { class: bit ? "bit set" : "bit", transform: `translate(${x} ${y})` },
      drawn("title", {}, `Bit ${place} is ${bit}${carries ? `; says most of ${carries}` : ""}`),
      drawn("rect", { x: -4.5, y: -4.5, width: 9, height: 9, rx: 2 }),
      drawn("circle", { r: bit ? 3.4 : 1.3 }),
    );
  }
}

const differingOf = (hit) => bitsOf(hit.differing).flatMap((bit, place) => (bit ? [place] : []));

function mark(drawing, differing) {
  const chosen = new Set(differing);
  [...drawing.children].forEach((cell, place) => cell.classList.toggle("differs", chosen.has(place)));
}

function drawn(tag, properties, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(properties)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
