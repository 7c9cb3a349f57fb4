// Fields with units, hints and errors in place, and a draft that outlives the page.
import { h, fill, icon, fresh } from "./dom.js";
import * as kept from "./kept.js";
import { t } from "./words.js";

// A labelled control. `control` gets its id; `error(text)` shows or clears what is wrong with it.
export function field(name, control, set) {
  const given = set || {};
  const id = fresh("field");
  const hint = given.hint ? h("p", { class: "hint", id: id + "-hint" }, given.hint) : null;
  const wrong = h("p", { class: "said", id: id + "-said" });
  control.id = id;
  control.setAttribute("aria-describedby", (hint ? id + "-hint " : "") + id + "-said");
  const unit = given.unit ? h("span", { class: "unit" }, given.unit) : null;
  const node = h("div", { class: "field" }, h("label", { for: id }, name, unit ? h("span", { class: "unseen" }, " (" + given.unit + ")") : null),
    h("div", { class: "row" }, control, unit ? (unit.setAttribute("aria-hidden", "true"), unit) : null, given.beside || null), hint, wrong);
  return {
    node, control,
    error(text) {
      fill(wrong, text ? [icon("failed"), text] : null);
      if (text) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    },
  };
}

// A number as typed: with comma or point; null where empty, NaN where it is none.
export function toNumber(text) {
  const typed = text.trim().replace(",", ".").replace("−", "-");
  if (!typed) return null;
  return /^[-+]?(\d+\.?\d*|\.\d+)$/.test(typed) ? Number(typed) : NaN;
}

// What was typed and not saved, under a name.
export function draft(name) {
  return {
    read: () => kept.get("draft." + name, null),
    keep: (values) => kept.set("draft." + name, values),
    drop: () => kept.set("draft." + name, null),
  };
}

// Shows errors at their fields and goes to the first. `problems`: {key: text}.
export function point(fields, problems) {
  let first = null;
  for (const key of Object.keys(fields)) {
    fields[key].error(problems[key] || "");
    if (problems[key] && !first) first = fields[key];
  }
  if (first) {
    first.control.focus();
    first.control.scrollIntoView({ block: "center" });
  }
  return !first;
}

// A range as the trap writes it, in the reader's words.
export function range(allowed) {
  const ends = /^(-?[\d.]+) to (-?[\d.]+)$/.exec(allowed);
  return ends ? t("form.span", { low: ends[1], high: ends[2] }) : allowed;
}

// What the trap refused, as {key: text}; null when it names no field here.
export function refused(error, fields) {
  const { key, allowed } = error.body || {};
  if (!key || !fields[key]) return null;
  return { [key]: allowed ? t("form.allowed", { allowed: range(allowed) }) : error.message };
}
