// The light table: many bursts at once, chosen with mouse or keys, judged with one key, sorted, sifted by score.
import { h, fill, button, icon } from "./dom.js";
import * as kept from "./kept.js";
import { read, query } from "./net.js";
import { sheet, covered, toast } from "./sheet.js";
import { thumbnail } from "./picture.js";
import { openBurst, answer } from "./burst.js";
import * as labels from "./labels.js";
import { answers } from "./taxon.js";
import { t, nameOf, verdict, score, standing, moment } from "./words.js";

const PAGE = 120;

export function review(home, ctx) {
  const choice = Object.assign({ sort: "-score", taxon: "", outcome: "", labelled: "no", group: "", min: 0, max: 1 }, kept.get("review", {}));
  let list = [];
  let tiles = new Map();
  let total = null;
  let asked = 0;
  let loading = false;
  let chosen = new Set();
  let at = 0;
  let anchor = 0;

  const grid = h("div", { class: "table", role: "listbox", "aria-multiselectable": "true", "aria-label": t("review.list"), tabindex: "-1" });
  const count = h("p", { class: "hint", role: "status" });
  const said = h("strong", { role: "status" });
  const foot = h("div", { class: "foot" }, button(null, t("events.more"), () => load(), { class: "quiet wide", hidden: true }));
  const species = h("select", { id: "review-taxon", onchange: (e) => change({ taxon: e.target.value }) });

  function select(id, key, options) {
    return h("select", { id, onchange: (e) => change({ [key]: e.target.value }) }, options.map(([value, words]) => h("option", { value, selected: choice[key] === value }, words)));
  }

  function slider(key, words) {
    const id = "review-" + key;
    const value = h("output", { for: id }, score(choice[key]));
    const input = h("input", { id, type: "range", min: 0, max: 1, step: 0.01, value: choice[key] });
    let timer = null;
    input.addEventListener("input", () => {
      choice[key] = Number(input.value);
      value.textContent = score(choice[key]);
      sift();
      clearTimeout(timer);
      timer = setTimeout(() => change({}), 300);
    });
    return h("label", { for: id, class: "small slider" }, h("span", null, words, " ", value), input);
  }

  function change(what) {
    Object.assign(choice, what);
    kept.set("review", choice);
    reload();
  }

  // What the slider says is true at once for what is loaded; the trap's answer follows.
  const passes = (burst) => standing(burst) >= choice.min && standing(burst) <= choice.max;
  function sift() {
    let shown = 0;
    for (const burst of list) {
      const fits = passes(burst);
      tiles.get(burst.id).hidden = !fits;
      if (fits) shown += 1;
    }
    fill(count, t("review.count", { n: total === null ? shown : Math.max(shown, list.length < total ? total : shown) }));
  }

  const shown = () => list.filter((b) => !tiles.get(b.id).hidden);

  function face(burst) {
    const tile = tiles.get(burst.id);
    fill(tile, thumbnail(burst),
      h("span", { class: "tile-name" }, verdict(burst.decided)),
      h("span", { class: "tile-foot" }, h("span", null, burst.label ? [icon("check"), burst.label.who || t("labelled")] : score(standing(burst))),
        burst.together > 1 ? h("span", { class: "together" }, "× " + burst.together) : null,
        h("span", { class: "tile-when" }, moment(burst.at))));
    tile.className = "tile option " + burst.decided.outcome + (burst.label ? " labelled" : "");
  }

  function option(burst) {
    const tile = h("div", { role: "option", tabindex: "-1", "aria-selected": "false", id: "b-" + burst.id.replace(/\W/g, "-"),
      onclick: (event) => press(burst, event), ondblclick: () => enlarge(burst) });
    tiles.set(burst.id, tile);
    face(burst);
    return tile;
  }

  function press(burst, event) {
    const all = shown();
    const i = all.indexOf(burst);
    if (event.shiftKey) range(all, anchor, i);
    else if (event.ctrlKey || event.metaKey || window.matchMedia("(pointer: coarse)").matches) {
      if (chosen.has(burst.id)) chosen.delete(burst.id);
      else chosen.add(burst.id);
      anchor = i;
    } else {
      chosen = new Set([burst.id]);
      anchor = i;
    }
    goto(i);
    mark();
  }

  function range(all, from, to) {
    chosen = new Set(all.slice(Math.min(from, to), Math.max(from, to) + 1).map((b) => b.id));
  }

  function goto(i) {
    const all = shown();
    if (!all.length) return;
    at = Math.max(0, Math.min(all.length - 1, i));
    for (const tile of tiles.values()) tile.tabIndex = -1;
    const tile = tiles.get(all[at].id);
    tile.tabIndex = 0;
    tile.focus();
    tile.scrollIntoView({ block: "nearest" });
    if (at > all.length - 30) load();
  }

  function mark() {
    for (const [id, tile] of tiles) tile.setAttribute("aria-selected", chosen.has(id) ? "true" : "false");
    fill(said, t("review.chosen", { n: chosen.size }));
    panel.classList.toggle("ready", chosen.size > 0);
  }

  function targets() {
    const all = shown();
    const picked = all.filter((b) => chosen.has(b.id));
    return picked.length ? picked : all[at] ? [all[at]] : [];
  }

  // In the view by sequences a tile stands for all its bursts; those with a label of their own keep it.
  async function whole(bursts) {
    const out = [];
    for (const burst of bursts) {
      out.push(burst);
      if (!(burst.together > 1)) continue;
      const all = await read("/api/sequence/" + encodeURIComponent(burst.sequence));
      for (const other of all.items) if (other.id !== burst.id && !other.label) out.push(other);
    }
    return out;
  }

  async function act(outcome) {
    const picked = targets();
    if (!picked.length) return toast(t("review.nothing"));
    const all = shown();
    const after = all.indexOf(picked[picked.length - 1]) + 1;
    let bursts;
    try {
      bursts = await whole(picked);
    } catch (e) {
      return toast(e.message || t("failed"));
    }
    const step = (given) => {
      if (!given || !given[0].label) return;
      chosen.clear();
      mark();
      goto(Math.min(after, shown().length - 1));
    };
    if (outcome === "confirm") {
      labels.confirm(bursts);
      step(bursts);
    } else answer(bursts, outcome, step);
  }

  function columns() {
    const all = shown();
    if (all.length < 2) return 1;
    const top = tiles.get(all[0].id).offsetTop;
    const n = all.findIndex((b) => tiles.get(b.id).offsetTop !== top);
    return n < 1 ? all.length : n;
  }

  function enlarge(burst) {
    const all = shown();
    openBurst(all, Math.max(0, all.indexOf(burst)), { keys: true, done: (i) => { if (all[i]) goto(shown().indexOf(all[i])); } });
  }

  function keys(event) {
    if (covered() || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    const inGrid = grid.contains(event.target);
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns(), Home: -1e9, End: 1e9 }[event.key];
    const letter = event.key.toLowerCase();
    if (step !== undefined && (inGrid || event.target === document.body)) {
      const all = shown();
      const to = Math.max(0, Math.min(all.length - 1, at + step));
      if (event.shiftKey) range(all, anchor, to);
      else anchor = to;
      if (!event.shiftKey && !event.ctrlKey) chosen.clear();
      goto(to);
      mark();
    } else if ((event.ctrlKey || event.metaKey) && letter === "a" && inGrid) {
      chosen = new Set(shown().map((b) => b.id));
      mark();
    } else if ((event.ctrlKey || event.metaKey) && letter === "z") labels.undoLast();
    else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (event.key === "Enter" && (inGrid || event.target === document.body)) act("confirm");
    else if (event.key === " " && inGrid) { if (shown()[at]) enlarge(shown()[at]); }
    else if (letter === "x" && inGrid) {
      const burst = shown()[at];
      if (burst && !chosen.delete(burst.id)) chosen.add(burst.id);
      anchor = at;
      mark();
    } else if (event.key === "Escape") { chosen.clear(); mark(); }
    else if (letter === "z") labels.undoLast();
    else if (event.key === "?") help();
    else {
      const outcome = { e: "empty", s: "sighting", p: "person", v: "vehicle", u: "uncertain" }[letter];
      if (!outcome) return;
      act(outcome);
    }
    event.preventDefault();
  }

  function help() {
    const all = [["← ↑ ↓ →", "arrows"], ["Shift + ←→", "range"], ["X, Ctrl + click", "toggle"], ["Ctrl + A", "all"], ["Enter", "confirm"], ["E", "empty"], ["S", "species"],
      ["P", "person"], ["V", "vehicle"], ["U", "uncertain"], ["Space", "enlarge"], ["B", "boxes"], ["Z", "undo"], ["Esc", "none"], ["?", "help"]];
    sheet(t("keys.title"), h("dl", { class: "keys" }, all.map(([key, what]) => [h("dt", null, h("kbd", null, key)), h("dd", null, t("keys." + what))])));
  }

  async function load() {
    if (loading || (total !== null && list.length >= total)) return;
    loading = true;
    const mine = asked;
    grid.setAttribute("aria-busy", "true");
    try {
      const answered = await read("/api/bursts" + query({
        sort: choice.sort, taxon: choice.taxon, outcome: choice.outcome, labelled: choice.labelled, group: choice.group,
        min: choice.min > 0 ? choice.min : "", max: choice.max < 1 ? choice.max : "", offset: offset(), limit: PAGE,
      }));
      if (mine !== asked) return;
      const fresh = labels.overlay(answered.items).filter((b) => !tiles.has(b.id));
      total = answered.items.length ? answered.total + list.length - offset() : list.length;
      list = list.concat(fresh);
      for (const burst of fresh) grid.appendChild(option(burst));
      if (!list.length) fill(grid, h("div", { role: "option", "aria-disabled": "true", class: "nothing tall" }, t("review.empty")));
      else if (tiles.size === fresh.length && shown()[0]) tiles.get(shown()[0].id).tabIndex = 0;
      foot.firstChild.hidden = list.length >= total;
      sift();
    } catch (e) {
      if (mine === asked) fill(count, e.message || t("failed"));
    } finally {
      if (mine === asked) {
        loading = false;
        grid.removeAttribute("aria-busy");
      }
    }
  }

  // What was labelled meanwhile has left the trap's list of unlabelled bursts.
  const offset = () => (choice.labelled === "no" ? list.filter((b) => !b.label).length : list.length);

  function reload() {
    asked += 1;
    loading = false;
    list = [];
    tiles = new Map();
    total = null;
    chosen.clear();
    at = 0;
    anchor = 0;
    fill(grid);
    mark();
    load();
  }

  const panel = h("div", { class: "judge" }, said,
    h("button", { type: "button", class: "main", onclick: () => act("confirm") }, icon("check"), h("span", null, t("confirm.short")), h("kbd", { "aria-hidden": "true" }, "⏎")),
    answers(act, { keys: true }),
    button("undo", t("undo"), () => labels.undoLast(), { class: "quiet round", bare: true }),
    button("help", t("keys.title"), help, { class: "quiet round", bare: true }));

  fill(home,
    h("details", { class: "sift", open: window.matchMedia("(min-width: 900px)").matches }, h("summary", null, t("filters")), h("div", { class: "tools" },
      h("label", { for: "review-sort", class: "small" }, h("span", null, t("review.sort")), select("review-sort", "sort", ["-score", "score", "new", "old"].map((v) => [v, t("sort." + v)]))),
      h("label", { for: "review-taxon", class: "small" }, h("span", null, t("filter.species")), species),
      h("label", { for: "review-outcome", class: "small" }, h("span", null, t("filter.outcome")), select("review-outcome", "outcome", [["", t("filter.all")]].concat(["sighting", "uncertain", "person", "vehicle", "empty", "failed"].map((o) => [o, t("outcome." + o)])))),
      h("label", { for: "review-labelled", class: "small" }, h("span", null, t("filter.labels")), select("review-labelled", "labelled", [["no", t("filter.unlabelled")], ["yes", t("filter.labelled")], ["", t("filter.any")]])),
      h("label", { for: "review-group", class: "small" }, h("span", null, t("review.group")), select("review-group", "group", [["", t("group.burst")], ["sequence", t("group.sequence")]])),
      slider("min", t("review.min")), slider("max", t("review.max")))),
    count, grid, foot, panel);
  mark();
  read("/api/species").then((answered) => fill(species, h("option", { value: "" }, t("filter.species_any")),
    answered.items.filter((x) => x.taxon).map((x) => h("option", { value: x.taxon, selected: x.taxon === choice.taxon }, nameOf(x) + " (" + x.bursts + ")"))), () => {});
  load();
  document.addEventListener("keydown", keys);
  const unwatch = labels.watch((burst) => {
    if (burst && list.includes(burst) && tiles.has(burst.id)) face(burst);
  });
  const seer = "IntersectionObserver" in window ? new IntersectionObserver((entries) => entries.some((e) => e.isIntersecting) && list.length && load(), { rootMargin: "900px" }) : null;
  if (seer) seer.observe(foot);
  return () => {
    document.removeEventListener("keydown", keys);
    unwatch();
    if (seer) seer.disconnect();
    ctx.refreshQueue();
  };
}
