/** Talks to the server. Everything that goes wrong is a Refusal with a sentence for people. */

const ROOT = "api/v1/";

/** What the server refused, or that it did not answer. */
export class Refusal extends Error {
  /**
   * @param {string} kind the end of the problem's type, or "gone" where nobody answered
   * @param {string} sentence what is wrong and what to do
   */
  constructor(kind, sentence) {
    super(sentence);
    this.kind = kind;
  }
}

async function answerOf(path, options = {}) {
  let response;
  let said;
  try {
    response = await fetch(ROOT + path, options);
    said = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("gone", "The server does not answer. It may have been stopped, or the network is down.");
  }
  options.signal?.throwIfAborted();
  if (response.ok) return JSON.parse(said);
  let problem = {};
  try {
    problem = JSON.parse(said);
  } catch {
    // Not the server's own words: the status has to do.
  }
  throw new Refusal(
    (problem.type ?? "").split(":").at(-1) || "failed",
    problem.detail ?? `The server answered with status ${response.status}.`,
  );
}

export const attributes = () => answerOf("attributes");
export const bits = () => answerOf("bits");
export const stats = () => answerOf("stats");
export const samples = (number, signal) => answerOf(`samples?count=${number}`, { signal });

/**
 * Searches.
 * @param {Object} search as the API has it
 * @param {File|null} image an uploaded picture that asks
 * @param {AbortSignal} signal
 */
export function search(search, image, signal) {
  if (!image) {
    const headers = { "Content-Type": "application/json" };
    return answerOf("search", { method: "POST", headers, body: JSON.stringify(search), signal });
  }
  const body = new FormData();
  body.append("image", image);
  body.append("search", JSON.stringify(search));
  return answerOf("search", { method: "POST", body, signal });
}
