// The bursts as cards: filtered by species and outcome, more of them as one scrolls, each opens large.
import { h, fill, button, icon } from "./dom.js";
import * as kept from "./kept.js";
import { read, query, news } from "./net.js";
import { thumbnail } from "./picture.js";
import { openBurst, pill } from "./burst.js";
import * as labels from "./labels.js";
import { t, nameOf, verdict, score, standing, moment, day } from "./words.js";

const PAGE = 40;
const OUTCOMES = ["sighting", "uncertain", "person", "vehicle", "empty", "failed"];

export function events(home, ctx) {
  let filter = kept.get("filter", { outcome: "", taxon: "", labelled: "" });
  let list = [];
  let total = null;
  let asked = 0;
  let loading = false;
  let fresh = 0;
  const chips = h("div", { class: "chips", role: "group", "aria-label": t("filter.outcome") });
  const species = h("select", { id: "filter-taxon", onchange: (e) => choose({ taxon: e.target.value }) });
  const labelled = h("select", { id: "filter-labelled", onchange: (e) => choose({ labelled: e.target.value }) },
    [["", t("filter.any")], ["no", t("filter.unlabelled")], ["yes", t("filter.labelled")]].map(([value, words]) => h("option", { value, selected: filter.labelled === value }, words)));
  const count = h("p", { class: "hint", role: "status" });
  const grid = h("div", { class: "grid" });
  const more = button(null, t("events.more"), load, { class: "quiet wide", hidden: true });
  const news_ = button("add", "", () => { fresh = 0; reload(); }, { class: "main", hidden: true });
  const foot = h("div", { class: "foot" }, more);

  function choose(change) {
    filter = Object.assign({}, filter, change);
    kept.set("filter", filter);
    drawChips();
    reload();
  }

  let outcomes = {};
  function drawChips() {
    const held = chips.contains(document.activeElement) ? document.activeElement.dataset.value : null;
    const one = (value, words, n, sign) => h("button", { type: "button", class: "chip " + value, "data-value": value || "all", "aria-pressed": filter.outcome === value ? "true" : "false", onclick: () => choose({ outcome: value }) },
      sign ? icon(sign) : null, h("span", null, words), n === undefined ? null : h("b", null, n));
    const sum = Object.keys(outcomes).reduce((a, k) => a + outcomes[k], 0);
    fill(chips, one("", t("filter.all"), sum || undefined), OUTCOMES.filter((o) => outcomes[o] || filter.outcome === o).map((o) => one(o, t("outcome." + o), outcomes[o] || 0, o === "sighting" ? "animal" : o)));
    if (held !== null) {
      const again = chips.querySelector('[data-value="' + held + '"]');
      if (again) again.focus();
    }
  }

  async function survey() {
    const answer = await read("/api/species");
    outcomes = answer.outcomes;
    drawChips();
    fill(species, h("option", { value: "" }, t("filter.species_any")), answer.items.filter((x) => x.taxon).map((x) => h("option", { value: x.taxon, selected: x.taxon === filter.taxon }, nameOf(x) + " (" + x.bursts + ")")));
    if (filter.taxon && species.value !== filter.taxon) choose({ taxon: "" });
  }

  function card(burst) {
    return h("button", { type: "button", class: "tile", "data-key": burst.id, onclick: () => openBurst(list, list.indexOf(burst), { play: true, done: redraw }) },
      thumbnail(burst),
      h("span", { class: "tile-name" }, verdict(burst.decided)),
      h("span", { class: "tile-when" }, moment(burst.at)),
      h("span", { class: "tile-foot" }, pill(burst.decided.outcome), burst.label ? h("span", { class: "by" }, icon("check"), t("labelled")) : h("span", { class: "by" }, score(standing(burst)))));
  }

  function redraw() {
    const held = grid.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    let before = null;
    const parts = [];
    for (const burst of list) {
      const today = day(burst.at);
      if (today !== before) parts.push(h("h2", { class: "day" }, today));
      before = today;
      parts.push(card(burst));
    }
    fill(grid, parts.length ? parts : total === 0 ? h("p", { class: "hint" }, t("events.none")) : null);
    if (held) {
      const again = grid.querySelector('[data-key="' + CSS.escape(held) + '"]');
      if (again) again.focus();
    }
    fill(count, total === null ? "" : t("events.count", { n: total }));
    more.hidden = total === null || list.length >= total;
  }

  async function load() {
    if (loading || (total !== null && list.length >= total)) return;
    loading = true;
    const mine = asked;
    grid.setAttribute("aria-busy", "true");
    try {
      const answer = await read("/api/bursts" + query(Object.assign({ sort: "new", offset: list.length, limit: PAGE }, filter)));
      if (mine !== asked) return;
      const have = new Set(list.map((b) => b.id));
      list = list.concat(labels.overlay(answer.items.filter((b) => !have.has(b.id))));
      total = answer.items.length ? answer.total : list.length;
      redraw();
    } catch (e) {
      if (mine === asked) fill(count, e.message || t("failed"));
    } finally {
      if (mine === asked) {
        loading = false;
        grid.removeAttribute("aria-busy");
      }
    }
  }

  function reload() {
    asked += 1;
    loading = false;
    list = [];
    total = null;
    news_.hidden = true;
    load();
  }

  fill(home,
    h("div", { class: "filters" }, chips, h("div", { class: "columns" },
      h("label", { for: "filter-taxon", class: "small" }, h("span", null, t("filter.species")), species),
      h("label", { for: "filter-labelled", class: "small" }, h("span", null, t("filter.labels")), labelled))),
    h("div", { class: "row" }, count, news_), grid, foot);
  drawChips();
  load();
  survey().catch(() => {});

  const seer = "IntersectionObserver" in window ? new IntersectionObserver((entries) => entries.some((e) => e.isIntersecting) && list.length && load(), { rootMargin: "600px" }) : null;
  if (seer) seer.observe(foot);
  const ended = [
    labels.watch((burst) => burst && list.includes(burst) && redraw()),
    ctx.me.mode === "trap" ? news("burst", () => { fresh += 1; fill(news_, icon("add"), h("span", null, t("events.fresh", { n: fresh }))); news_.hidden = false; }) : () => {},
  ];
  return () => {
    ended.forEach((end) => end());
    if (seer) seer.disconnect();
  };
}
