/** The left column: the picture that asks, and what is known of it. */

import { bar, byId, make, percent, toResults } from "./dom.js";

const SHOWN = 6;

/** The picture that asks. Tells what the user does through `on`. */
export class QueryPanel {
  /**
   * @param {Object} on
   * @param {function(File)} on.image a picture was dropped, pasted or chosen
   * @param {function()} on.surprise any picture of the index
   * @param {function()} on.remove no picture
   * @param {function(string)} on.wish an attribute of the picture is wanted
   */
  constructor(on) {
    this.on = on;
    const file = byId("file");
    file.addEventListener("change", () => {
      if (file.files.length) on.image(file.files[0]);
      file.value = "";
    });
    byId("surprise").addEventListener("click", on.surprise);
    byId("no-query").addEventListener("click", on.remove);
    this.#takeDrops();
    document.addEventListener("paste", (event) => {
      const image = [...(event.clipboardData?.files ?? [])].find((each) => each.type.startsWith("image/"));
      if (image) on.image(image);
    });
  }

  /**
   * Shows the picture.
   * @param {string|null} address of its pixels; null where there are none to show
   * @param {string|null} words what it is, or what stands in for it
   */
  preview(address, words) {
    const preview = byId("preview");
    preview.replaceChildren();
    byId("no-query").hidden = !address && !words;
    preview.classList.toggle("empty", !address && !words);
    if (address) {
      const image = make("img", { src: address, alt: words });
      image.addEventListener("error", () => this.preview(null, "The picture is not there to be shown."));
      preview.append(image);
    } else if (words) preview.append(make("p", { class: "preview-words" }, words));
  }

  /** Says why a picture was refused; null takes it back. */
  refuse(sentence) {
    const refusal = byId("refusal");
    refusal.hidden = !sentence;
    refusal.textContent = sentence ?? "";
  }

  /** Shows what is known of the query; null for nothing. What is shown already stays as it is. */
  show(query) {
    const told = JSON.stringify(query);
    if (told === this.told) return;
    this.told = told;
    const known = byId("known");
    const open = known.querySelector("details")?.open;
    if (known.contains(document.activeElement)) toResults();
    known.replaceChildren(...(query ? [this.#category(query.category), ...this.#attributes(query, open)] : []));
  }

  #category({ name, source, predicted, probability }) {
    const differs = source === "labelled" && predicted && predicted !== name;
    return make(
      "section",
      { class: "known-category", "aria-label": "Its category" },
      make("h3", {}, name ?? "No category", " ", mark(source)),
      predicted
        ? make(
            "div",
            { class: "reading" },
            make("span", { class: "reading-name" }, differs ? `its code says ${predicted}` : "by its code"),
            bar(probability),
          )
        : null,
    );
  }

  #attributes({ attributes }, open) {
    if (!attributes.length) return [];
    const sorted = [...attributes].sort(
      (one, other) => other.present - one.present || other.probability - one.probability,
    );
    const list = (part) => make("ul", { class: "readings" }, ...part.map((each) => this.#reading(each)));
    const rest = sorted.slice(SHOWN);
    return [
      make("h3", {}, "Its attributes"),
      list(sorted.slice(0, SHOWN)),
      rest.length
        ? make("details", { open }, make("summary", {}, `${rest.length} more`), list(rest))
        : null,
    ].filter(Boolean);
  }

  #reading({ name, present, source, probability }) {
    return make(
      "li",
      { class: "reading" },
      make(
        "button",
        {
          type: "button",
          class: "reading-name",
          title: `Want ${name}`,
          "aria-label": `${name}: ${present ? "present" : "absent"}, ${source}, ${percent(probability)} by its code. Want it.`,
          onclick: () => this.on.wish(name),
        },
        make("span", { class: present ? "present" : "absent" }, name),
        " ",
        mark(source, source === "labelled" ? (present ? " yes" : " no") : ""),
      ),
      bar(probability),
    );
  }

  #takeDrops() {
    const drop = byId("drop");
    let depth = 0;
    const over = (more) => {
      depth = Math.max(0, depth + more);
      drop.classList.toggle("over", depth > 0);
    };
    document.addEventListener("dragenter", (event) => {
      event.preventDefault();
      over(1);
    });
    document.addEventListener("dragleave", () => over(-1));
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      depth = 0;
      over(0);
      const [image] = event.dataTransfer?.files ?? [];
      if (image) this.on.image(image);
    });
  }
}

/** Where a value comes from: "labelled" or "predicted", and what more is to be said of it. */
export function mark(source, more = "") {
  return make("span", { class: `mark ${source}` }, source + more);
}
