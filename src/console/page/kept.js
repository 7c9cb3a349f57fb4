// What the phone remembers between visits: choices, drafts of forms, labels that were not sent yet.

const PREFIX = "trapline.";
const memory = {};

// Private windows may refuse storage; then it lasts as long as the page.
export function get(key, otherwise) {
  try {
    const text = localStorage.getItem(PREFIX + key);
    if (text !== null) return JSON.parse(text);
  } catch (e) {
    if (key in memory) return memory[key];
  }
  return key in memory ? memory[key] : otherwise;
}

export function set(key, value) {
  memory[key] = value;
  try {
    if (value === null || value === undefined) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch (e) {
    // Full or refused: `memory` holds it.
  }
  if (value === null || value === undefined) delete memory[key];
}
