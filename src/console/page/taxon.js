// Naming animals: a field that completes names in any language, and the form for what was seen.
import { h, fill, button, fresh, icon } from "./dom.js";
import * as kept from "./kept.js";
import { read, query } from "./net.js";
import { t, nameOf, namesLike, rankOf } from "./words.js";

const STAGES = ["adult", "subadult", "juvenile"];
const SEXES = ["female", "male"];

export function recent() {
  return kept.get("taxa", []);
}

function remember(seen) {
  const one = { taxon: seen.taxon, rank: seen.rank, label: seen.label };
  kept.set("taxa", [one].concat(recent().filter((x) => x.taxon !== one.taxon)).slice(0, 8));
}

// A text field with a list below it (ARIA combobox). `pick(taxon)` gets {taxon, rank, label}.
export function taxonField(pick, set) {
  const id = fresh("taxon");
  let found = [];
  let at = -1;
  let asked = 0;
  let timer = null;
  const list = h("ul", { id: id + "-list", role: "listbox", class: "found", hidden: true, "aria-label": t("taxon.suggestions") });
  const status = h("span", { class: "unseen", role: "status" });
  const input = h("input", Object.assign({
    id, type: "text", role: "combobox", autocomplete: "off", autocapitalize: "none", spellcheck: "false", "aria-autocomplete": "list",
    "aria-expanded": "false", "aria-controls": id + "-list", placeholder: t("taxon.placeholder"),
    oninput: () => { clearTimeout(timer); timer = setTimeout(ask, 120); },
    onkeydown: keys,
    onblur: () => setTimeout(() => show([]), 150),
  }, set));

  async function ask() {
    const typed = input.value.trim();
    const mine = (asked += 1);
    if (!typed) return show([]);
    const local = namesLike(typed);
    show(merge(local, [], typed));
    let more = [];
    try {
      more = (await read("/api/taxa" + query({ q: typed }), { tries: 1 })).items;
    } catch (e) {
      // The catalogue's own names and the free entry still work.
    }
    if (mine === asked && input.value.trim() === typed) show(merge(local, more, typed));
  }

  function merge(local, more, typed) {
    const all = more.concat(local);
    const seen = new Set();
    const starts = (x) => (nameOf(x).toLowerCase().startsWith(typed.toLowerCase()) || x.taxon.toLowerCase().startsWith(typed.toLowerCase()) ? 0 : 1);
    const out = all.filter((x) => !seen.has(x.taxon) && seen.add(x.taxon)).sort((a, b) => starts(a) - starts(b)).slice(0, 8);
    if (/^[A-Z][a-z]+( [a-z-]+){0,2}$/.test(typed) && !seen.has(typed)) out.push({ taxon: typed, rank: rankOf(typed), label: typed, free: true });
    return out;
  }

  function show(items) {
    found = items;
    at = items.length ? 0 : -1;
    fill(list, items.map((x, i) => h("li", {
      id: id + "-" + i, role: "option", "aria-selected": i === at ? "true" : "false",
      onpointerdown: (e) => e.preventDefault(),
      onclick: () => take(i),
    }, h("span", null, x.free ? t("taxon.free", { name: x.taxon }) : nameOf(x)), x.free ? null : h("i", null, x.taxon))));
    list.hidden = !items.length;
    input.setAttribute("aria-expanded", items.length ? "true" : "false");
    point();
    status.textContent = input.value.trim() ? t("taxon.count", { n: items.length }) : "";
  }

  function point() {
    Array.from(list.children).forEach((li, i) => li.setAttribute("aria-selected", i === at ? "true" : "false"));
    if (at >= 0) {
      input.setAttribute("aria-activedescendant", id + "-" + at);
      list.children[at].scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  }

  function take(i) {
    if (!found[i]) return;
    const { taxon, rank, label } = found[i];
    show([]);
    input.value = "";
    pick({ taxon, rank, label });
  }

  function keys(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!found.length) return;
      event.preventDefault();
      at = (at + (event.key === "ArrowDown" ? 1 : found.length - 1)) % found.length;
      point();
    } else if (event.key === "Enter") {
      if (found.length) {
        event.preventDefault();
        event.stopPropagation();
        take(Math.max(0, at));
      }
    } else if (event.key === "Escape" && found.length) {
      event.preventDefault();
      show([]);
    }
  }

  return { input, id, node: h("div", { class: "combo" }, input, list, status) };
}

// The form for animals seen: quick names, a field, counts, and what else is known. `done({seen, comment})`.
export function animalForm(suggested, done) {
  let seen = [];
  const rows = h("div", { class: "seen-rows" });
  const comment = h("textarea", { rows: 2, id: fresh("comment") });
  const send = button("check", t("save"), finish, { class: "main" });
  const field = taxonField(addOne, { "data-first": true });
  const quick = [];
  for (const x of suggested.concat(recent())) {
    if (!quick.some((q) => q.taxon === x.taxon) && quick.length < 8) quick.push(x);
  }

  function addOne(x) {
    if (!seen.some((s) => s.taxon === x.taxon)) seen.push(Object.assign({ count: 1 }, x));
    draw();
    send.focus();
  }

  function choice(row, key, values, name) {
    const id = fresh(key);
    return h("label", { for: id, class: "small" }, h("span", null, name),
      h("select", { id, onchange: (e) => { row[key] = e.target.value || undefined; } },
        h("option", { value: "" }, "–"), values.map((v) => h("option", { value: v, selected: row[key] === v }, t(key + "." + v)))));
  }

  function written(row, key, name) {
    const id = fresh(key);
    return h("label", { for: id, class: "small" }, h("span", null, name),
      h("input", { id, type: "text", maxlength: 64, value: row[key] || "", oninput: (e) => { row[key] = e.target.value.trim() || undefined; } }));
  }

  function draw() {
    send.disabled = !seen.length;
    fill(rows, seen.map((row) => {
      const count = h("output", { class: "count" }, row.count);
      const step = (by) => { row.count = Math.max(1, Math.min(999, row.count + by)); count.textContent = row.count; };
      return h("div", { class: "seen-row" },
        h("div", { class: "row" },
          h("strong", { class: "grow" }, nameOf(row), " ", h("i", null, row.taxon)),
          h("button", { type: "button", class: "plain round", "aria-label": t("count.less", { name: nameOf(row) }), onclick: () => step(-1) }, "−"),
          count,
          h("button", { type: "button", class: "plain round", "aria-label": t("count.more", { name: nameOf(row) }), onclick: () => step(1) }, "+"),
          button("close", t("taxon.drop", { name: nameOf(row) }), () => { seen = seen.filter((s) => s !== row); draw(); field.input.focus(); }, { class: "plain round", bare: true })),
        h("details", null, h("summary", null, t("more_about")),
          h("div", { class: "columns" },
            choice(row, "life_stage", STAGES, t("life_stage")), choice(row, "sex", SEXES, t("sex")),
            written(row, "behavior", t("behavior")), written(row, "individual", t("individual")))));
    }));
  }

  function finish() {
    if (!seen.length) return;
    seen.forEach(remember);
    done({ seen, comment: comment.value.trim() });
  }

  draw();
  return h("form", { class: "animals", onsubmit: (e) => { e.preventDefault(); finish(); } },
    h("label", { for: field.id }, t("taxon.which")),
    field.node,
    quick.length ? h("div", { class: "chips", role: "group", "aria-label": t("taxon.quick") },
      quick.map((x) => h("button", { type: "button", class: "chip", onclick: () => addOne({ taxon: x.taxon, rank: x.rank, label: x.label }) }, nameOf(x)))) : null,
    rows,
    h("label", { for: comment.id }, t("comment")), comment,
    h("div", { class: "row end" }, send));
}

// The five answers, as buttons with icon and words. `act(outcome)`; "sighting" asks for the names first.
export function answers(act, set) {
  const given = set || {};
  return h("div", { class: "answers", role: "group", "aria-label": t("answers") },
    ["empty", "sighting", "person", "vehicle", "uncertain"].map((outcome) => h("button", {
      type: "button", class: "answer " + outcome, "data-key": "answer-" + outcome, onclick: () => act(outcome),
    }, icon(outcome === "sighting" ? "animal" : outcome), h("span", null, t("answer." + outcome)),
    given.keys ? h("kbd", { "aria-hidden": "true" }, { empty: "E", sighting: "S", person: "P", vehicle: "V", uncertain: "U" }[outcome]) : null)));
}

