// Which individual it is: the animal beside the gallery's pictures of those it is most like, and a person's word.
import { h, fill, button, fresh } from "./dom.js";
import { read } from "./net.js";
import { bestFrame } from "./picture.js";
import * as labels from "./labels.js";
import { t, score } from "./words.js";

// Pictures shown of each individual.
const SHOWN = 4;

let asked = null;

// Everybody in the gallery, asked for once.
function gallery() {
  if (!asked) asked = read("/api/individuals").then((answered) => answered.items, () => { asked = null; return []; });
  return asked;
}

// The part of a picture within a box, by moving and sizing the whole of it.
function cut(frame, box) {
  const img = h("img", { alt: t("individual.this"), src: "/api/picture/" + encodeURIComponent(frame.picture) + "?w=800", decoding: "async",
    style: { width: 100 / box.w + "%", left: (-100 * box.x) / box.w + "%", top: (-100 * box.y) / box.h + "%" } });
  const ratio = (box.h * frame.height) / (box.w * frame.width);
  return h("div", { class: "cut", style: { "padding-top": Math.min(ratio, 2) * 100 + "%" } }, img);
}

// The surest box of the animal on the best frame that was kept.
function crop(burst, identity) {
  const best = bestFrame(burst);
  const frames = (best ? [best] : []).concat(burst.frames.filter((f) => f !== best && f.picture !== null));
  for (const frame of frames) {
    const own = frame.boxes.filter((b) => identity.tracks.includes(b.track)).sort((a, b) => b.confidence - a.confidence)[0];
    if (own && own.w > 0 && own.h > 0) return cut(frame, own);
  }
  return h("div", { class: "nothing" }, t("picture.none"));
}

// Same side first, then one that is not known, then the other.
function ordered(pictures, flank) {
  const place = (p) => (p.flank === flank ? 0 : p.flank === "unknown" || flank === "unknown" ? 1 : 2);
  return pictures.slice().sort((a, b) => place(a) - place(b));
}

function face(who, flank) {
  const shown = ordered(who.pictures, flank).slice(0, SHOWN);
  if (!shown.length) return h("p", { class: "hint" }, t("individual.no_pictures"));
  return h("div", { class: "faces" }, shown.map((p) => h("figure", null,
    h("img", { src: "/api/individual/" + p.n, loading: "lazy", alt: t("individual.alt", { name: who.individual, flank: t("flank." + p.flank) }) }),
    h("figcaption", { class: p.flank === flank ? "same" : null }, t("flank." + p.flank)))));
}

function verdictOf(identity) {
  const values = { name: identity.individual || "", score: score(identity.probability) };
  return t("individual." + identity.recognition, values);
}

// A person's word: what the machine saw, with the names that were given so far, each animal's in a line of its own.
function say(burst, key, name, comment) {
  burst.named = Object.assign(burst.named || {}, { [key]: name });
  const seen = [];
  burst.seen.forEach((s, i) => {
    const line = (count, individual) => {
      const one = { taxon: s.taxon, rank: s.rank, label: s.label, count };
      if (individual) one.individual = individual;
      seen.push(one);
    };
    const names = Object.keys(burst.named).filter((k) => k.startsWith(i + ":")).map((k) => burst.named[k]).filter(Boolean);
    names.forEach((given) => line(1, given));
    const rest = Math.max(1, s.count || 1) - names.length;
    if (rest > 0) line(rest);
  });
  labels.give([burst], { outcome: "sighting", seen, comment: comment || "" });
}

function one(burst, at, k, identity, people) {
  const key = at + ":" + k;
  const taxon = burst.seen[at].taxon;
  const id = fresh("individual");
  const input = h("input", { id, type: "text", maxlength: 200, autocomplete: "off" });
  const own = () => input.value.trim() && say(burst, key, input.value.trim());
  const names = identity.nearest.map(([name]) => name);
  const suggested = identity.nearest.map(([name, similarity], i) => {
    const who = people.find((p) => p.individual === name && p.taxon === taxon) || people.find((p) => p.individual === name);
    return h("li", null, h("h4", null, name, " ", h("small", null, t("individual.similarity", { n: similarity.toFixed(2) }))),
      who ? face(who, identity.flank) : h("p", { class: "hint" }, t("individual.no_pictures")),
      who && who.note ? h("p", { class: "hint" }, who.note) : null,
      button("check", t("individual.is", { name }), () => say(burst, key, name), { class: i === 0 ? "main" : "quiet" }));
  });
  return h("section", { class: "who" }, h("h3", null, t("individual.title")),
    h("p", null, h("strong", null, verdictOf(identity)), " · ", t("flank." + identity.flank)),
    h("div", { class: "who-both" }, crop(burst, identity), suggested.length ? h("ul", { class: "suggested" }, suggested) : h("p", { class: "hint" }, t("individual.nobody"))),
    h("div", { class: "row" }, button("close", t("individual.none"), () => say(burst, key, null, names.length ? t("individual.none_of", { names: names.join(", ") }) : ""), { class: "quiet" })),
    h("form", { class: "who-other", onsubmit: (event) => { event.preventDefault(); own(); } },
      h("label", { for: id }, t("individual.other")), input, h("button", { type: "submit", class: "quiet" }, t("save"))));
}

// What the gallery says of a burst; an empty node where it says nothing.
export function individuals(burst) {
  const node = h("div");
  const all = [];
  (burst.seen || []).forEach((s, at) => (s.individuals || []).forEach((identity, k) => all.push([at, k, identity])));
  if (all.length) gallery().then((people) => fill(node, all.map(([at, k, identity]) => one(burst, at, k, identity, people))));
  return node;
}
