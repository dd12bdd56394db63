/** Sends requests to the server. Every failure becomes a Refusal with a message for people. */

const ROOT = "api/v1/";

/** The server refused a request, or did not answer. */
export class Refusal extends Error {
  /**
   * @param {string} kind last part of the problem's type; "gone" if there was no answer
   * @param {string} message what is wrong and what to do
   */
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

async function fetchJson(path, options = {}) {
  let response;
  let body;
  try {
    response = await fetch(ROOT + path, options);
    body = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("gone", "The server does not answer. It may have been stopped, or the network is down.");
  }
  options.signal?.throwIfAborted();
  if (response.ok) return JSON.parse(body);
  let problem = {};
  try {
    problem = JSON.parse(body);
  } catch {
    // A proxy answered with something other than JSON: only the status is known.
  }
  throw new Refusal(
    (problem.type ?? "").split(":").at(-1) || "failed",
    problem.detail ?? `The server answered with status ${response.status}.`,
  );
}

export const fetchAttributes = () => fetchJson("attributes");
export const fetchBits = () => fetchJson("bits");
export const fetchFields = () => fetchJson("fields");
export const fetchStats = () => fetchJson("stats");
export const fetchSamples = (count, signal) => fetchJson(`samples?count=${count}`, { signal });

/** Address of everything that the index has of an item. */
export const itemAddress = (id) => `${ROOT}items/${id}`;

/**
 * Searches.
 * @param {Object} search request body of the API
 * @param {File|null} image an uploaded image as the query
 * @param {AbortSignal} signal
 */
export function fetchResults(search, image, signal) {
  if (!image) {
    const headers = { "Content-Type": "application/json" };
    return fetchJson("search", { method: "POST", headers, body: JSON.stringify(search), signal });
  }
  const body = new FormData();
  body.append("image", image);
  body.append("search", JSON.stringify(search));
  return fetchJson("search", { method: "POST", body, signal });
}
