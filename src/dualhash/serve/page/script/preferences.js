/** Stores the reader's preferences in the browser, if it allows that. */

const PREFIX = "dualhash-";

/** Returns a stored preference; null if there is none. */
export function readPreference(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function writePreference(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // The browser stores nothing: the preference lasts until the page is closed.
  }
}
