// What is said, in the language chosen: sentences, names of species, numbers, times.
import { texts, names } from "./texts.js";
import * as kept from "./kept.js";

export const LANGUAGES = { en: "English", de: "Deutsch", fr: "Français" };

function choose() {
  const chosen = kept.get("language", null);
  if (LANGUAGES[chosen]) return chosen;
  for (const wish of navigator.languages || [navigator.language || "en"]) {
    if (LANGUAGES[wish.slice(0, 2)]) return wish.slice(0, 2);
  }
  return "en";
}

export let language = choose();
document.documentElement.lang = language;

// English with a day of 24 hours: field books know no a.m.
const locale = () => (language === "en" ? "en-GB" : language);

export function speak(code) {
  language = code;
  kept.set("language", code);
  document.documentElement.lang = code;
}

// The text of a key. `{n}` stands for a value, `{n|burst|bursts}` for the word that fits the number.
export function t(key, values) {
  const entry = texts[key];
  if (!entry) return key;
  const given = values || {};
  return entry[language].replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (whole, name, one, many) => {
    if (one === undefined) return name in given ? String(given[name]) : whole;
    const single = language === "fr" ? Math.abs(given[name]) < 2 : Number(given[name]) === 1;
    return single ? one : many;
  });
}

export function has(key) {
  return key in texts;
}

// A taxon in the reader's language where the catalogue knows it, else as the journal calls it.
export function nameOf(seen) {
  const known = names[seen.taxon];
  return known && known[language] ? known[language] : seen.label || seen.taxon;
}

// Taxa of the catalogue whose name in any language, or scientific name, holds `part`.
export function namesLike(part) {
  const wanted = part.toLowerCase();
  return Object.keys(names).filter((taxon) =>
    [taxon].concat(Object.values(names[taxon])).some((name) => name.toLowerCase().includes(wanted)),
  ).map((taxon) => ({ taxon, rank: rankOf(taxon), label: names[taxon].en }));
}

// The rank that a scientific name's form tells.
export function rankOf(taxon) {
  if (/\s/.test(taxon.trim())) return "species";
  if (/idae$/.test(taxon)) return "family";
  return ({ Carnivora: "order", Artiodactyla: "order", Rodentia: "order", Chiroptera: "order", Mammalia: "class", Aves: "class" })[taxon] || "genus";
}

// What a verdict says, in a few words: the species with their counts, else the outcome.
export function verdict(decided) {
  if (decided.outcome === "sighting" && decided.seen && decided.seen.length) {
    return decided.seen.map((s) => (s.count > 1 ? s.count + " × " : "") + nameOf(s)).join(", ");
  }
  return t("outcome." + decided.outcome);
}

export function score(value) {
  return value === null || value === undefined ? "" : Number(value).toLocaleString(locale(), { style: "percent" });
}

// The score that a burst is sorted by: its best species', else the probability that something is in it.
export function standing(burst) {
  const scores = (burst.seen || []).map((s) => s.score).filter((s) => typeof s === "number");
  return scores.length ? Math.max.apply(null, scores) : burst.probability;
}

export function number(value, digits) {
  return Number(value).toLocaleString(locale(), { maximumFractionDigits: digits === undefined ? 1 : digits });
}

export function time(text, withSeconds) {
  const set = { hour: "2-digit", minute: "2-digit" };
  if (withSeconds) set.second = "2-digit";
  return new Date(text).toLocaleTimeString(locale(), set);
}

export function day(text) {
  return new Date(text).toLocaleDateString(locale(), { day: "numeric", month: "short", year: "numeric" });
}

export function moment(text, withSeconds) {
  return day(text) + ", " + time(text, withSeconds);
}

// A length of time: "3 s", "5 min", "2 h 10 min", "4 d".
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 90) return s + " s";
  if (s < 5400) return Math.round(s / 60) + " min";
  if (s < 172800) return Math.floor(s / 3600) + " h " + Math.round((s % 3600) / 60) + " min";
  return Math.round(s / 86400) + " " + t("unit.days");
}

export function bytes(count) {
  if (count >= 1e9) return number(count / 1e9) + " GB";
  if (count >= 1e6) return number(count / 1e6) + " MB";
  return number(Math.ceil(count / 1e3), 0) + " kB";
}
