// One burst, large: its frames one after the other, what the machine and people say of it, the sequence it belongs to.
import { h, fill, button, icon } from "./dom.js";
import { read } from "./net.js";
import { sheet } from "./sheet.js";
import { picture, bestFrame, thumbnail } from "./picture.js";
import * as labels from "./labels.js";
import { animalForm, answers } from "./taxon.js";
import { individuals } from "./individuals.js";
import * as kept from "./kept.js";
import { t, has, nameOf, verdict, score, standing, moment, time } from "./words.js";

const still = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

// The frames of a burst as a little film that can be stopped. `set.play` starts it, `set.width` sizes the pictures.
export function film(burst, set) {
  const given = set || {};
  const frames = burst.frames.filter((f) => f.picture !== null && f.picture !== undefined);
  const best = bestFrame(burst);
  let at = Math.max(0, frames.indexOf(best));
  let timer = null;
  let drawn = kept.get("boxes", true);
  let zoomed = false;
  const stage = h("div", { class: "stage" });
  const place = h("span", { class: "place", "aria-live": "off" });
  const playing = button("play", t("film.play"), () => (timer ? stop() : start()), { class: "plain round", bare: true });
  const boxed = button("boxes", t("film.boxes"), () => { drawn = !drawn; kept.set("boxes", drawn); show(); }, { class: "plain round toggle", bare: true });
  const zoom = button("zoom", t("film.zoom"), () => { zoomed = !zoomed; show(); }, { class: "plain round toggle", bare: true });

  // Each frame is loaded once and stays, so that flipping does not wait for the link.
  const ready = {};
  function shown(i) {
    const key = i + (zoomed ? "z" : "");
    if (!ready[key]) ready[key] = picture(burst, frames[i], zoomed ? 0 : given.width || 800, { eager: true });
    return ready[key];
  }

  function show() {
    if (!frames.length) {
      const failed = burst.frames.find((f) => f.failed);
      fill(stage, h("div", { class: "nothing tall" }, failed ? t("picture.failed_why", { why: failed.failed }) : t("picture.none")));
      return;
    }
    fill(stage, shown(at));
    stage.classList.toggle("bare", !drawn);
    stage.classList.toggle("zoomed", zoomed);
    boxed.setAttribute("aria-pressed", drawn ? "true" : "false");
    zoom.setAttribute("aria-pressed", zoomed ? "true" : "false");
    place.textContent = t("film.place", { i: at + 1, n: frames.length }) + " · " + time(frames[at].taken, true);
  }

  function go(by) {
    if (!frames.length) return;
    at = (at + by + frames.length) % frames.length;
    show();
  }

  function start() {
    if (frames.length < 2) return;
    timer = setInterval(() => {
      if (!document.contains(stage)) return stop();
      // A picture still on its way is waited for.
      const img = shown((at + 1) % frames.length).querySelector("img");
      if (!img || img.complete) go(1);
    }, 650);
    fill(playing, icon("pause"));
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    fill(playing, icon("play"));
  }

  show();
  if (given.play && !still()) setTimeout(start, 300);
  const several = frames.length > 1;
  const node = h("div", { class: "film" }, stage, frames.length ? h("div", { class: "film-bar" },
    several ? button("prev", t("film.prev"), () => { stop(); go(-1); }, { class: "plain round", bare: true }) : null,
    several ? playing : null,
    several ? button("next", t("film.next"), () => { stop(); go(1); }, { class: "plain round", bare: true }) : null,
    place, h("span", { class: "grow" }), boxed, zoom) : null);
  return { node, go: (by) => { stop(); go(by); }, stop, toggle: () => (timer ? stop() : start()) };
}

// A pill with icon and word for an outcome.
export function pill(outcome) {
  return h("span", { class: "pill " + outcome }, icon(outcome === "sighting" ? "animal" : outcome), h("span", null, t("outcome." + outcome)));
}

export function facts(burst) {
  const machine = { outcome: burst.outcome, seen: burst.seen };
  const rows = [
    [t("fact.machine"), h("span", null, verdict(machine), " ", burst.outcome === "sighting" && burst.seen.length
      ? h("small", null, burst.seen.map((s) => nameOf(s) + " " + score(s.score)).join(", ")) : null)],
    [t("fact.probability"), score(burst.probability)],
    [t("fact.time"), moment(burst.at, true) + " (" + (has("clock." + burst.clock) ? t("clock." + burst.clock) : burst.clock) + ")"],
    [t("fact.frames"), t("fact.frames_value", { n: burst.frames.length, kept: burst.frames.filter((f) => f.picture !== null).length })],
  ];
  if (burst.trigger) {
    const name = has("trigger." + burst.trigger) ? t("trigger." + burst.trigger) : burst.trigger;
    rows.splice(3, 0, [t("fact.trigger"), burst.trigger_detail ? name + " (" + burst.trigger_detail + ")" : name]);
  }
  if (burst.label) {
    rows.unshift([t("fact.person"), h("span", null, verdict(burst.label), burst.label.who ? " (" + burst.label.who + ")" : "",
      burst.label.comment ? h("small", null, " " + burst.label.comment) : null)]);
  }
  if (burst.faults && burst.faults.length) rows.push([t("fact.faults"), burst.faults.join("; ")]);
  const failed = burst.frames.filter((f) => f.failed);
  if (failed.length) rows.push([t("fact.failed"), failed.map((f) => f.i + 1 + ": " + f.failed).join("; ")]);
  rows.push([t("fact.id"), burst.id + (burst.deployment ? " · " + burst.deployment : "")]);
  return h("dl", { class: "facts" }, rows.map(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
}

// Opens the form for animals over the page; `then` after a label was given.
export function nameAnimals(bursts, then) {
  const suggested = [];
  for (const burst of bursts) {
    for (const s of burst.seen || []) if (!suggested.some((x) => x.taxon === s.taxon)) suggested.push(s);
  }
  const close = sheet(bursts.length === 1 ? t("name.one") : t("name.many", { n: bursts.length }), animalForm(suggested.slice(0, 4), (said) => {
    close();
    labels.give(bursts, { outcome: "sighting", seen: said.seen, comment: said.comment }, then);
    if (then) then(bursts);
  }));
}

// Gives the answer a button or key stands for.
export function answer(bursts, outcome, then) {
  if (!bursts.length) return;
  if (outcome === "sighting") return nameAnimals(bursts, then);
  labels.give(bursts, { outcome, seen: [] }, then);
  if (then) then(bursts);
}

// Shows `list[index]` large; arrows and buttons go through the list.
export function openBurst(list, index, set) {
  const given = set || {};
  let at = index;
  let reel = null;
  const body = h("div", { class: "burst" });
  const key = { e: "empty", s: "sighting", p: "person", v: "vehicle", u: "uncertain" };
  const unwatch = labels.watch((burst) => burst && burst === list[at] && draw(true));

  function draw(same) {
    const burst = list[at];
    if (!same || !reel) reel = film(burst, { play: given.play });
    const verdicts = h("div", { class: "verdict" }, pill(burst.decided.outcome), h("strong", null, verdict(burst.decided)),
      burst.label ? h("span", { class: "by" }, icon("person"), t("labelled")) : h("span", { class: "by" }, score(standing(burst))));
    const sequence = h("div", { class: "strip" });
    fill(body, reel.node,
      h("div", { class: "burst-side" }, verdicts,
        h("div", { class: "confirm" }, button("check", t("confirm"), () => labels.confirm([burst]), { class: "main", "data-key": "confirm" })),
        answers((outcome) => answer([burst], outcome), { keys: given.keys }),
        individuals(burst), facts(burst), sequence,
        h("div", { class: "row between" },
          button("prev", t("burst.prev"), () => go(-1), { class: "quiet", disabled: at === 0 }),
          h("span", null, t("burst.place", { i: at + 1, n: list.length })),
          button("next", t("burst.next"), () => go(1), { class: "quiet", disabled: at === list.length - 1 }))));
    read("/api/sequence/" + encodeURIComponent(burst.sequence)).then((answer) => {
      if (answer.items.length < 2 || list[at] !== burst) return;
      fill(sequence, h("h3", null, t("sequence.title", { n: answer.items.length })), h("div", { class: "strip-row" },
        labels.overlay(answer.items).map((other) => h("button", {
          type: "button", class: other.id === burst.id ? "strip-one here" : "strip-one", "aria-current": other.id === burst.id ? "true" : null,
          onclick: () => jump(other),
        }, thumbnail(other), h("span", null, time(other.at, true))))));
    }, () => {});
  }

  function jump(other) {
    const place = list.findIndex((b) => b.id === other.id);
    if (place >= 0) at = place;
    else list.splice(at + 1, 0, other), (at += 1);
    draw();
  }

  function go(by) {
    const next = at + by;
    if (next < 0 || next >= list.length) return;
    if (reel) reel.stop();
    at = next;
    draw();
  }

  draw();
  sheet(t("burst.title"), body, {
    wide: true,
    done: () => { unwatch(); if (reel) reel.stop(); if (given.done) given.done(at); },
    keys: (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const letter = event.key.toLowerCase();
      if (event.key === "ArrowLeft") reel.go(-1);
      else if (event.key === "ArrowRight") reel.go(1);
      else if (event.key === "ArrowUp") go(-1);
      else if (event.key === "ArrowDown") go(1);
      else if (event.key === " " && event.target.tagName !== "BUTTON") reel.toggle();
      else if (event.key === "Enter" && event.target.tagName !== "BUTTON") labels.confirm([list[at]]);
      else if (letter === "z") labels.undoLast();
      else if (letter === "b") kept.set("boxes", !kept.get("boxes", true)), (reel = null), draw();
      else if (key[letter]) answer([list[at]], key[letter]);
      else return;
      event.preventDefault();
    },
  });
}
