/** What the browser keeps of the reader's choices; nothing where it keeps nothing for pages. */

const PREFIX = "dualhash-";

/** What was chosen before; null for nothing. */
export function kept(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function keep(name, choice) {
  try {
    localStorage.setItem(PREFIX + name, choice);
  } catch {
    // It holds until the page is closed.
  }
}
