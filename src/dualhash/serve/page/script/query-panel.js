/** The left column: the query image, its category and its attributes. */

import { byId, create, createBar, createSourceMark, focusResults } from "./elements.js";
import { formatPercent } from "./format.js";

const VISIBLE_ATTRIBUTES = 6;

export class QueryPanel {
  /**
   * @param {Object} on what to do when the reader acts
   * @param {function(File)} on.image an image was dropped, pasted or chosen
   * @param {function()} on.random a random image of the index
   * @param {function()} on.remove no query
   * @param {function(string)} on.want results must have this attribute
   */
  constructor(on) {
    this.on = on;
    const file = byId("file");
    file.addEventListener("change", () => {
      if (file.files.length) on.image(file.files[0]);
      file.value = "";
    });
    byId("surprise").addEventListener("click", on.random);
    byId("no-query").addEventListener("click", on.remove);
    this.#acceptDrops();
    document.addEventListener("paste", (event) => {
      const image = [...(event.clipboardData?.files ?? [])].find((each) => each.type.startsWith("image/"));
      if (image) on.image(image);
    });
  }

  /**
   * Shows the query image.
   * @param {string|null} address address of the image; null if there is none to show
   * @param {string|null} text its description, or the text to show instead
   */
  preview(address, text) {
    const preview = byId("preview");
    preview.replaceChildren();
    byId("no-query").hidden = !address && !text;
    preview.classList.toggle("empty", !address && !text);
    if (address) {
      const image = create("img", { src: address, alt: text });
      image.addEventListener("error", () => this.preview(null, "This image cannot be shown."));
      preview.append(image);
    } else if (text) preview.append(create("p", { class: "preview-text" }, text));
  }

  /** Says why an image was refused; null removes the message. */
  showRefusal(message) {
    const refusal = byId("refusal");
    refusal.hidden = !message;
    refusal.textContent = message ?? "";
  }

  /** Shows category and attributes of the query; null for no query. The same query changes nothing. */
  show(query) {
    const content = JSON.stringify(query);
    if (content === this.content) return;
    this.content = content;
    const labels = byId("query-labels");
    const open = labels.querySelector("details")?.open;
    if (labels.contains(document.activeElement)) focusResults();
    labels.replaceChildren(...(query ? [this.#category(query.category), ...this.#attributes(query, open)] : []));
  }

  #category({ name, source, predicted, probability }) {
    const differs = source === "labelled" && predicted && predicted !== name;
    return create(
      "section",
      { class: "query-category", "aria-label": "Category" },
      create("h3", {}, name ?? "No category", " ", createSourceMark(source)),
      predicted
        ? create(
            "div",
            { class: "reading" },
            create("span", { class: "reading-name" }, differs ? `predicted: ${predicted}` : "probability"),
            createBar(probability),
          )
        : null,
    );
  }

  #attributes({ attributes }, open) {
    if (!attributes.length) return [];
    const sorted = [...attributes].sort(
      (one, other) => other.present - one.present || other.probability - one.probability,
    );
    const list = (part) => create("ul", { class: "readings" }, ...part.map((each) => this.#attribute(each)));
    const rest = sorted.slice(VISIBLE_ATTRIBUTES);
    return [
      create("h3", {}, "Attributes"),
      list(sorted.slice(0, VISIBLE_ATTRIBUTES)),
      rest.length ? create("details", { open }, create("summary", {}, `${rest.length} more`), list(rest)) : null,
    ].filter(Boolean);
  }

  #attribute({ name, present, source, probability }) {
    return create(
      "li",
      { class: "reading" },
      create(
        "button",
        {
          type: "button",
          class: "reading-name",
          title: `Want ${name}`,
          "aria-label": `${name}: ${present ? "present" : "absent"}, ${source}, probability ${formatPercent(probability)}. Want it.`,
          onclick: () => this.on.want(name),
        },
        create("span", { class: present ? "present" : "absent" }, name),
        " ",
        createSourceMark(source, source === "labelled" ? (present ? " yes" : " no") : ""),
      ),
      createBar(probability),
    );
  }

  #acceptDrops() {
    const drop = byId("drop");
    let depth = 0;
    const enter = (change) => {
      depth = Math.max(0, depth + change);
      drop.classList.toggle("over", depth > 0);
    };
    document.addEventListener("dragenter", (event) => {
      event.preventDefault();
      enter(1);
    });
    document.addEventListener("dragleave", () => enter(-1));
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      depth = 0;
      enter(0);
      const [image] = event.dataTransfer?.files ?? [];
      if (image) this.on.image(image);
    });
  }
}
