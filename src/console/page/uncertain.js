// What the machine could not tell, one burst at a time: big buttons, keys, swipes, a way back.
import { h, fill, button } from "./dom.js";
import { read } from "./net.js";
import { film, facts, answer } from "./burst.js";
import * as labels from "./labels.js";
import { covered } from "./sheet.js";
import { answers } from "./taxon.js";
import { t, moment, score } from "./words.js";

const PAGE = 20;
// Pixels a finger must travel to count as a swipe.
const FAR = 90;

export function uncertain(home, ctx) {
  let list = [];
  let total = null;
  let done = 0;
  let skipped = 0;
  let reel = null;
  let loading = false;
  const left = h("p", { class: "hint", role: "status" });
  const stage = h("div", { class: "queue-stage" });
  const about = h("div", { class: "queue-about" });
  const more = h("div");
  const panel = answers(act, { keys: true });
  const skip = button("next", t("queue.skip"), () => pass(), { class: "quiet" });
  const back = button("undo", t("undo"), () => labels.undoLast(), { class: "quiet" });

  async function load() {
    if (loading) return;
    loading = true;
    try {
      const answered = await read("/api/bursts?uncertain=1&labelled=no&sort=old&limit=" + PAGE + "&offset=" + skipped);
      const have = new Set(list.map((b) => b.id));
      list = list.concat(labels.overlay(answered.items).filter((b) => !have.has(b.id) && !b.label));
      total = answered.total;
      done = 0;
      draw();
    } catch (e) {
      fill(left, e.message || t("failed"));
    }
    loading = false;
  }

  function draw() {
    if (reel) reel.stop();
    const burst = list[0];
    const rest = Math.max(list.length, (total || 0) - done - skipped);
    if (!burst) {
      reel = null;
      fill(stage, total === null ? null : h("div", { class: "nothing tall" }, h("p", null, skipped ? t("queue.only_skipped", { n: skipped }) : t("queue.done")),
        skipped ? button("undo", t("queue.again"), () => { skipped = 0; total = null; load(); }, { class: "quiet" }) : null));
      fill(about);
      fill(more);
      panel.hidden = true;
      skip.hidden = true;
      fill(left, "");
      return;
    }
    panel.hidden = false;
    skip.hidden = false;
    reel = film(burst, { play: true });
    fill(stage, reel.node);
    fill(about, h("p", null, h("strong", null, moment(burst.at)), " · ", t("queue.chance", { score: score(burst.probability) })));
    fill(more, h("details", null, h("summary", null, t("queue.facts")), facts(burst)));
    fill(left, t("queue.left", { n: rest }));
  }

  function next() {
    list.shift();
    draw();
    if (list.length < 4 && total !== null && list.length + skipped + done < total) load();
  }

  function pass() {
    if (!list.length) return;
    skipped += 1;
    next();
  }

  function act(outcome) {
    const burst = list[0];
    if (!burst) return;
    answer([burst], outcome, (again) => {
      // Called once when the label was given, and again when it was taken back.
      if (burst.label) {
        if (list[0] === burst) {
          done += 1;
          next();
        }
      } else if (again && !list.includes(burst)) {
        done = Math.max(0, done - 1);
        list.unshift(burst);
        draw();
      }
    });
  }

  function keys(event) {
    if (covered() || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    const outcome = { e: "empty", s: "sighting", p: "person", v: "vehicle", u: "uncertain" }[event.key.toLowerCase()];
    if (outcome) act(outcome);
    else if (event.key.toLowerCase() === "z") labels.undoLast();
    else if (event.key === "ArrowLeft" && reel) reel.go(-1);
    else if (event.key === "ArrowRight" && reel) reel.go(1);
    else if (event.key === "ArrowDown") pass();
    else if (event.key === " " && reel && event.target.tagName !== "BUTTON") reel.toggle();
    else return;
    event.preventDefault();
  }

  let from = null;
  stage.addEventListener("touchstart", (event) => {
    from = event.touches.length === 1 ? { x: event.touches[0].clientX, y: event.touches[0].clientY } : null;
  }, { passive: true });
  stage.addEventListener("touchmove", (event) => {
    if (!from) return;
    const x = event.touches[0].clientX - from.x;
    if (Math.abs(x) > Math.abs(event.touches[0].clientY - from.y)) stage.style.setProperty("transform", "translateX(" + x / 3 + "px)");
  }, { passive: true });
  stage.addEventListener("touchend", (event) => {
    stage.style.removeProperty("transform");
    if (!from) return;
    const x = event.changedTouches[0].clientX - from.x;
    const y = event.changedTouches[0].clientY - from.y;
    from = null;
    if (Math.abs(x) < FAR || Math.abs(x) < 2 * Math.abs(y)) return;
    act(x < 0 ? "empty" : "sighting");
  });

  fill(home, left, h("div", { class: "queue" }, stage, h("div", { class: "queue-side" }, about, panel, h("div", { class: "row" }, back, skip), h("p", { class: "hint swipe" }, t("queue.hint")), more)));
  document.addEventListener("keydown", keys);
  load();
  return () => {
    document.removeEventListener("keydown", keys);
    if (reel) reel.stop();
    ctx.refreshQueue();
  };
}
