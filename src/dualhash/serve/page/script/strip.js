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

/** The strip in the left column. */
export class Strip {
  /** @param {{name: string, attribution: number}[][]} carried what each bit carries */
  constructor(carried) {
    this.carried = carried;
    this.cells = [];
    this.code = "";
  }

  /** Shows the code of a query. */
  show(code) {
    if (code === this.code) return;
    this.code = code;
    const bits = bitsOf(code);
    this.columns = bits.length > FEW ? COLUMNS.many : COLUMNS.few;
    const rows = Math.ceil(bits.length / this.columns);
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("viewBox", `0 0 ${this.columns * CELL} ${rows * CELL}`);
    drawing.setAttribute("role", "img");
    drawing.setAttribute("class", "strip");
    const set = bits.reduce((sum, bit) => sum + bit, 0);
    drawing.setAttribute("aria-label", `${count(set)} of ${count(bits.length)} bits are set`);
    this.cells = bits.map((bit, place) => this.#cell(bit, place));
    drawing.append(...this.cells);
    byId("strip").replaceChildren(drawing);
    this.rest();
  }

  /** Marks the bits in which a result differs, and names what they carry. */
  compare(hit) {
    if (!hit.differing) return;
    const differing = bitsOf(hit.differing).flatMap((bit, place) => (bit ? [place] : []));
    this.cells.forEach((cell) => cell.classList.remove("differs"));
    differing.forEach((place) => this.cells[place]?.classList.add("differs"));
    const names = carriedBy(differing, this.carried).slice(0, NAMED);
    const said = differing.length
      ? `Number ${hit.rank} differs in ${count(differing.length)} of ${count(this.cells.length)} bits`
      : `Number ${hit.rank} has the same code`;
    byId("strip-text").replaceChildren(
      said + (differing.length && names.length ? "; they say most of " : "."),
      ...names.flatMap((name, place) => [
        make("b", {}, name),
        place < names.length - 1 ? ", " : ".",
      ]),
    );
  }

  /** Nothing is compared. */
  rest() {
    this.cells.forEach((cell) => cell.classList.remove("differs"));
    byId("strip-text").textContent =
      "A filled dot is a 1. Point at a result to see which bits differ and what they carry.";
  }

  #cell(bit, place) {
    const group = document.createElementNS(SVG, "g");
    const x = (place % this.columns) * CELL + CELL / 2;
    const y = Math.floor(place / this.columns) * CELL + CELL / 2;
    group.setAttribute("class", bit ? "bit set" : "bit");
    group.setAttribute("transform", `translate(${x} ${y})`);
    const ring = document.createElementNS(SVG, "rect");
    const dot = document.createElementNS(SVG, "circle");
    for (const [name, value] of [["x", -4.5], ["y", -4.5], ["width", 9], ["height", 9], ["rx", 2]]) {
      ring.setAttribute(name, value);
    }
    dot.setAttribute("r", bit ? 3.4 : 1.3);
    const title = document.createElementNS(SVG, "title");
    const carries = (this.carried[place] ?? []).map(({ name }) => name).join(", ");
    title.textContent = `Bit ${place} is ${bit}${carries ? `; says most of ${carries}` : ""}`;
    group.append(title, ring, dot);
    return group;
  }
}
