// Elements from calls, not from strings: data becomes text and never markup.

const SVG = "http://www.w3.org/2000/svg";

// Elements in `parts` may be nodes, text, numbers, arrays of these, or null (left out). In `set`, `on…` are
// listeners, `class` the class, `style` an object of properties, `data` of data attributes; false and null are left out.
export function h(name, set, ...parts) {
  const node = document.createElement(name);
  for (const key of Object.keys(set || {})) {
    const value = set[key];
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "class") node.className = value;
    else if (key === "style") for (const p of Object.keys(value)) node.style.setProperty(p, value[p]);
    else if (key === "data") for (const p of Object.keys(value)) node.dataset[p] = value[p];
    else if (key === "value") node.value = value;
    else if (key === "checked" || key === "disabled" || key === "selected") node[key] = !!value;
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  add(node, parts);
  return node;
}

export function add(node, parts) {
  for (const part of parts) {
    if (part === null || part === undefined || part === false) continue;
    if (Array.isArray(part)) add(node, part);
    else node.appendChild(part instanceof Node ? part : document.createTextNode(String(part)));
  }
}

// Replaces what is in `node`.
export function fill(node, ...parts) {
  while (node.firstChild) node.removeChild(node.firstChild);
  add(node, parts);
  return node;
}

// A list that changed while a key of it was focused keeps the focus on the node with the same `data-key`.
export function refill(node, ...parts) {
  const held = node.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  fill(node, ...parts);
  if (held) {
    const again = node.querySelector('[data-key="' + CSS.escape(held) + '"]');
    if (again) again.focus();
  }
}

const PATHS = {
  live: "M3 12a9 9 0 0 1 18 0M12 3v4M12 17v4M3 12h4M17 12h4M12 21a9 9 0 0 0 9-9M3 12a9 9 0 0 0 9 9M12 11v2M11 12h2",
  events: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  uncertain: "M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 18v.1M12 2.5a9.5 9.5 0 1 0 0 19 9.5 9.5 0 0 0 0-19z",
  review: "M4 6h10M4 12h7M4 18h7M14 16l3 3 5-7",
  setup: "M12 21s-7-6.2-7-11.5a7 7 0 0 1 14 0C19 14.8 12 21 12 21zM12 12a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4M4 12h16",
  doctor: "M3 12h4l2.5-6 4 12 2.5-6h5",
  data: "M12 3v12M7 10l5 5 5-5M4 20h16",
  power: "M12 3v8M6.5 6.5a8 8 0 1 0 11 0",
  more: "M5 12h.1M12 12h.1M19 12h.1",
  prev: "M15 5l-7 7 7 7", next: "M9 5l7 7-7 7", close: "M6 6l12 12M18 6L6 18",
  play: "M8 5l11 7-11 7z", pause: "M8 5v14M16 5v14",
  boxes: "M4 9V5a1 1 0 0 1 1-1h4M15 4h4a1 1 0 0 1 1 1v4M20 15v4a1 1 0 0 1-1 1h-4M9 20H5a1 1 0 0 1-1-1v-4",
  zoom: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20M10.5 8v5M8 10.5h5",
  check: "M4 12.5l5 5L20 6.5", empty: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM6 18L18 6",
  animal: "M8 11.5a1.5 2 0 1 0 0-4 1.5 2 0 0 0 0 4zM16 11.5a1.5 2 0 1 0 0-4 1.5 2 0 0 0 0 4zM12 8a1.5 2 0 1 0 0-4 1.5 2 0 0 0 0 4zM12 12c3 0 5 3 5 5s-2 2.6-5 2-5 0-5-2 2-5 5-5z",
  person: "M12 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 21c.5-4.5 3.5-7 7.5-7s7 2.5 7.5 7",
  vehicle: "M3 16v-4l2-5h12l4 5v4zM7 19a1.7 1.7 0 1 0 0-3.4A1.7 1.7 0 0 0 7 19zM17 19a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4zM3 12h18",
  failed: "M12 4L2.5 20h19zM12 10v5M12 17.5v.1",
  undo: "M8 5L4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3",
  sound: "M4 9v6h4l5 4V5L8 9zM16.5 9a4 4 0 0 1 0 6M19 6.5a8 8 0 0 1 0 11",
  buzz: "M8 4h8v16H8zM4 8v8M20 8v8M1.5 10v4M22.5 10v4",
  battery: "M3 8h15v8H3zM18 10.5h2.5v3H18M6 10.5v3M9 10.5v3", card: "M6 3h9l4 4v14H6zM10 3v4M13 3v4",
  heat: "M10 4a2 2 0 0 1 4 0v9a4.5 4.5 0 1 1-4 0zM12 10v7", clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3.5 2",
  send: "M12 20V5M6 11l6-6 6 6", theme: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  here: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v4M12 18v4M2 12h4M18 12h4", out: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  add: "M12 5v14M5 12h14", help: "M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 18v.1",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z", label: "M4 4h8l8 8-8 8-8-8zM8.5 8.5h.1",
};

// A line drawing; what it means stands beside it or in the button's name.
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name] || PATHS.more);
  svg.appendChild(path);
  return svg;
}

let last = 0;
// An id of its own, for labels and descriptions.
export function fresh(prefix) {
  last += 1;
  return prefix + "-" + last;
}

// A button with icon and words; `set.bare` hides the words from the eye only.
export function button(name, words, press, set) {
  const { bare, ...rest } = set || {};
  const all = Object.assign({ type: "button", onclick: press }, rest);
  if (bare) Object.assign(all, { "aria-label": words, title: words });
  return h("button", all, name ? icon(name) : null, bare ? null : h("span", null, words));
}
