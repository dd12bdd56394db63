/** Ways to the results, which on a narrow page are far below the picture that asks. */

import { byId, count, toResults } from "./dom.js";

const narrow = matchMedia("(width < 52rem)");

function jump() {
  toResults();
  byId("results").scrollIntoView();
}

/** What a link to the results does: the address stays as it is, for it tells the view. */
export function startJumps() {
  for (const link of document.querySelectorAll("a[href='#results']")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      jump();
    });
  }
}

/** Shows the results on a narrow page, and the top of a wide one. */
export function reveal() {
  if (narrow.matches) jump();
  else scrollTo({ top: 0 });
}

/** Says below the picture how much was found; undefined where nothing was looked for. */
export function announce(number) {
  byId("jump").hidden = number === undefined;
  byId("jump").textContent = number ? `Go to ${count(number)} ${number === 1 ? "result" : "results"}` : "See why nothing matches";
}
