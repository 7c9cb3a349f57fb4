// What lies over the page: sheets that hold the focus until they close, toasts, questions.
import { h, fill, button, fresh } from "./dom.js";
import { t } from "./words.js";

const open = [];

function focusable(root) {
  return Array.from(root.querySelectorAll("button, [href], input, select, textarea, [tabindex='0']"))
    .filter((node) => !node.disabled && node.offsetParent !== null);
}

// Opens a sheet; the phone's back button, Escape and the cross close it. `set`: `wide`, `done()` after closing,
// `keys(event)`. Returns a function that closes it.
export function sheet(title, content, set) {
  const given = set || {};
  const before = document.activeElement;
  const name = fresh("sheet");
  const mine = {};
  const close = () => {
    if (open[open.length - 1] === mine) history.back();
  };
  const box = h("div", { class: "sheet" + (given.wide ? " wide" : ""), role: "dialog", "aria-modal": "true", "aria-labelledby": name, tabindex: "-1" },
    h("div", { class: "sheet-head" }, h("h2", { id: name }, title), button("close", t("close"), close, { class: "plain round", bare: true })),
    h("div", { class: "sheet-body" }, content));
  const shade = h("div", { class: "shade", onclick: (e) => e.target === shade && close() }, box);
  mine.shut = () => {
    open.pop();
    shade.remove();
    document.removeEventListener("keydown", keys, true);
    if (!open.length) {
      document.getElementById("app").removeAttribute("aria-hidden");
      document.body.classList.remove("covered");
    }
    if (before && document.contains(before)) before.focus();
    if (given.done) given.done();
  };
  const keys = (event) => {
    if (open[open.length - 1] !== mine) return;
    if (event.key === "Escape" && !event.defaultPrevented) {
      event.preventDefault();
      event.stopPropagation();
      close();
    } else if (event.key === "Tab") {
      const all = focusable(box);
      const edge = event.shiftKey ? all[0] : all[all.length - 1];
      if (document.activeElement === edge || !box.contains(document.activeElement)) {
        event.preventDefault();
        (event.shiftKey ? all[all.length - 1] : all[0]).focus();
      }
    } else if (given.keys && !/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) {
      given.keys(event);
    }
  };
  history.pushState({ sheet: open.length + 1 }, "");
  open.push(mine);
  document.addEventListener("keydown", keys, true);
  document.getElementById("app").setAttribute("aria-hidden", "true");
  document.body.classList.add("covered");
  document.getElementById("over").appendChild(shade);
  const first = box.querySelector("[data-first]");
  (first || box).focus();
  return close;
}

window.addEventListener("popstate", () => {
  const top = open[open.length - 1];
  if (top) top.shut();
});

export function covered() {
  return open.length > 0;
}

// Asks before what cannot be taken back.
export function ask(title, text, yes, then) {
  let agreed = false;
  const close = sheet(title, [
    h("p", null, text),
    h("div", { class: "row end" },
      h("button", { type: "button", class: "quiet", onclick: () => close(), "data-first": true }, t("cancel")),
      h("button", { type: "button", class: "danger", onclick: () => { agreed = true; close(); } }, yes)),
  ], { done: () => agreed && then() });
}

let timer = null;
// Says something for a while; `undo` makes it a way back.
export function toast(text, undo) {
  const home = document.getElementById("toasts");
  clearTimeout(timer);
  const gone = () => fill(home);
  fill(home, h("div", { class: "toast" }, h("span", null, text),
    undo ? button("undo", t("undo"), () => { gone(); undo(); }, { class: "plain" }) : null));
  timer = setTimeout(gone, undo ? 9000 : 5000);
}
