// Aim view and walk test: what the camera sees now with boxes drawn, the PIR's word, how the trap fares, the last events.
import { h, fill, button, icon } from "./dom.js";
import * as kept from "./kept.js";
import { call, read, news } from "./net.js";
import { toast } from "./sheet.js";
import { boxes, thumbnail } from "./picture.js";
import { openBurst } from "./burst.js";
import * as labels from "./labels.js";
import { t, has, span, number, time, moment, verdict } from "./words.js";

// A short tone, for the one who walks and does not look.
let sound = null;
function beep() {
  const Audio = window.AudioContext || window.webkitAudioContext;
  if (!Audio) return;
  sound = sound || new Audio();
  const tone = sound.createOscillator();
  const volume = sound.createGain();
  tone.frequency.value = 880;
  volume.gain.setValueAtTime(0.25, sound.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, sound.currentTime + 0.25);
  tone.connect(volume);
  volume.connect(sound.destination);
  tone.start();
  tone.stop(sound.currentTime + 0.26);
}

export function live(home, ctx) {
  let status = null;
  let heardAt = Date.now();
  let pir = null;
  let loud = kept.get("beep", false);
  let shaking = kept.get("buzz", false);
  let last = [];
  const stage = h("div", { class: "aim-stage" });
  const seen = h("p", { class: "aim-said", "aria-live": "polite" });
  const lamp = h("div", { class: "lamp", "aria-hidden": "true" }, icon("live"));
  const lampText = h("p", { class: "lamp-text" });
  const lampSaid = h("span", { class: "unseen", role: "status" });
  const cards = h("dl", { class: "cards" });
  const recent = h("div", { class: "grid small" });
  const ends = h("span", { class: "hint" });
  const aim = button("live", "", toggle, { class: "main", disabled: true, "data-key": "aim" });
  const ask = button("events", t("live.burst"), wish, { class: "quiet", "data-key": "burst" });
  const beeps = button("sound", t("live.beep"), () => { loud = !loud; kept.set("beep", loud); if (loud) beep(); marks(); }, { class: "quiet toggle" });
  const buzzes = navigator.vibrate ? button("buzz", t("live.buzz"), () => { shaking = !shaking; kept.set("buzz", shaking); if (shaking) navigator.vibrate(120); marks(); }, { class: "quiet toggle" }) : null;

  function marks() {
    beeps.setAttribute("aria-pressed", loud ? "true" : "false");
    if (buzzes) buzzes.setAttribute("aria-pressed", shaking ? "true" : "false");
  }

  async function toggle() {
    const on = !(status && status.aim && status.aim.on);
    aim.disabled = true;
    try {
      await call("POST", "/api/aim", { on });
      if (status) status.aim = Object.assign({}, status.aim, { on, ends_in_s: on ? 600 : null });
      if (!on) idle();
      else fill(stage, h("div", { class: "nothing" }, t("live.waiting")));
    } catch (e) {
      toast(e.message || t("failed"));
    }
    aim.disabled = false;
    draw();
  }

  // The burst comes by itself once it is judged, like every other.
  async function wish() {
    ask.disabled = true;
    try {
      await call("POST", "/api/burst", {});
      toast(t("live.burst_comes"));
    } catch (e) {
      toast(e.message || t("failed"));
    }
    ask.disabled = false;
  }

  function idle() {
    fill(stage, h("div", { class: "nothing" }, icon("live"), h("p", null, t("live.idle"))));
    fill(seen, "");
  }

  // The next picture is loaded behind the one that is shown, then they change places: no flicker on a slow link.
  let loading = false;
  function frame(data) {
    if (!data.picture) {
      fill(stage, h("div", { class: "nothing" }, icon("person"), h("p", null, data.failed || t("live.withheld"))));
      return;
    }
    if (loading) return;
    loading = true;
    const img = new Image();
    img.alt = t("live.alt", { time: time(data.taken, true), n: data.boxes.length });
    img.onload = () => {
      loading = false;
      const holder = h("div", { class: "picture" }, img, boxes(data.boxes));
      holder.style.setProperty("padding-top", (data.height / data.width) * 100 + "%");
      fill(stage, holder);
      const counts = {};
      for (const b of data.boxes) counts[b.category] = (counts[b.category] || 0) + 1;
      const words = Object.keys(counts).map((c) => counts[c] + " × " + t("box." + c)).join(", ");
      const text = words || t("live.nothing");
      if (seen.textContent !== text) fill(seen, text);
    };
    img.onerror = () => { loading = false; };
    img.src = data.picture;
  }

  function trigger(at) {
    pir = Date.now();
    lamp.classList.remove("lit");
    void lamp.offsetWidth;
    lamp.classList.add("lit");
    lampSaid.textContent = t("live.pir_now", { time: time(at, true) });
    if (loud) beep();
    if (shaking && navigator.vibrate) navigator.vibrate(200);
    ago();
  }

  function ago() {
    lampText.textContent = pir ? t("live.pir_ago", { time: span((Date.now() - pir) / 1000) }) : t("live.pir_none");
    lamp.classList.toggle("recent", !!pir && Date.now() - pir < 3000);
    if (status && status.aim && status.aim.on && status.aim.ends_in_s) {
      ends.textContent = t("live.ends", { time: span(status.aim.ends_in_s - (Date.now() - heardAt) / 1000) });
    } else ends.textContent = "";
  }

  function card(name, sign, value, state) {
    return h("div", { class: "card" + (state ? " " + state : "") }, h("dt", null, icon(sign), t("status." + name)), h("dd", null, value));
  }

  const unknown = (value, make) => (value === null || value === undefined ? "–" : make(value));

  function battery(status) {
    const told = [
      unknown(status.battery_percent, (p) => number(p, 0) + " %"),
      unknown(status.battery_mv, (mv) => number(mv / 1000, 2) + " V"),
    ].filter((text) => text !== "–");
    return [told.join(", ") || "–", status.strained ? h("small", null, " " + t("status.strained")) : null];
  }

  // The place by satellite as the journal has it, and why the last attempt found none.
  function place(gps) {
    const at = gps.place ? [gps.place.join(", "), " ", h("small", null, t("status.place_at", { time: moment(gps.at) }))] : [t("status.place_none")];
    const missed = gps.missed;
    if (missed) at.push(" ", h("small", null, missed.at ? t("status.place_missed", { time: moment(missed.at), why: missed.why }) : t("status.place_missed_then", { why: missed.why })));
    return at;
  }

  function draw() {
    const on = !!(status && status.aim && status.aim.on);
    fill(aim, icon("live"), h("span", null, on ? t("live.off") : t("live.on")));
    aim.disabled = !status || !ctx.me.powers.includes("aim");
    aim.setAttribute("aria-pressed", on ? "true" : "false");
    if (!status) return;
    const set = status.clock && status.clock !== "unset";
    fill(cards,
      card("battery", "battery", battery(status), status.strained ? "bad" : ""),
      card("temperature", "heat", unknown(status.temperature_c, (c) => number(c, 0) + " °C")),
      card("card", "card", unknown(status.card_free, (p) => t("status.free", { n: number(p, 0) })), status.card_free !== null && status.card_free < 5 ? "bad" : ""),
      card("bursts", "events", unknown(status.bursts_today, (n) => t("status.bursts_value", { n, empties: status.empties_today || 0 }))),
      card("waiting", "send", unknown(status.events_waiting, (n) => number(n, 0))),
      card("clock", "clock", [time(status.now), " ", h("small", null, has("clock." + status.clock) ? t("clock." + status.clock) : status.clock)], set ? "" : "bad"),
      status.gps ? card("place", "here", place(status.gps), status.gps.missed ? "bad" : "") : null);
    if (status.aim && status.aim.failed) fill(stage, h("div", { class: "nothing" }, icon("failed"), h("p", null, status.aim.failed)));
    ago();
  }

  function drawRecent() {
    fill(recent, last.map((burst, i) => h("button", { type: "button", class: "tile", "data-key": burst.id, onclick: () => openBurst(last.slice(), i, { done: drawRecent }) },
      thumbnail(burst), h("span", { class: "tile-name" }, verdict(burst.decided)), h("span", { class: "tile-when" }, time(burst.at)))));
    if (!last.length) fill(recent, h("p", { class: "hint" }, t("events.none")));
  }

  fill(home,
    h("div", { class: "aim" },
      h("section", { class: "aim-view", "aria-label": t("live.view") }, stage, seen,
        h("div", { class: "row" }, aim, ctx.me.powers.includes("burst") ? ask : null, ends)),
      h("section", { class: "walk", "aria-label": t("live.walk") }, h("h2", null, t("live.walk")),
        h("div", { class: "lamp-row" }, lamp, lampText), lampSaid, h("p", { class: "hint" }, t("live.walk_hint")),
        h("div", { class: "row" }, beeps, buzzes)),
      h("section", { class: "fares", "aria-label": t("live.status") }, h("h2", null, t("live.status")), cards)),
    h("section", { "aria-label": t("live.recent") }, h("h2", null, t("live.recent")), recent,
      h("p", null, h("a", { class: "button quiet", href: "#/events" }, t("live.all")))));
  idle();
  marks();
  draw();
  ago();

  const took = (answer) => {
    status = answer;
    heardAt = Date.now();
    if (!pir && answer.last_pir) pir = Date.now() - Math.max(0, new Date(answer.now) - new Date(answer.last_pir));
    if (!(answer.aim && answer.aim.on) && stage.querySelector("img")) idle();
    draw();
  };
  read("/api/status").then(took, () => {});
  read("/api/bursts?limit=6").then((answer) => { last = labels.overlay(answer.items); drawRecent(); }, (e) => fill(recent, h("p", { class: "said" }, e.message || t("failed"))));
  const ended = [
    news("status", took),
    news("pir", (data) => trigger(data.at)),
    news("frame", frame),
    news("burst", (burst) => { last = [burst].concat(last.filter((b) => b.id !== burst.id)).slice(0, 6); drawRecent(); }),
    labels.watch((burst) => burst && last.includes(burst) && drawRecent()),
  ];
  const ticking = setInterval(ago, 1000);
  return () => {
    ended.forEach((end) => end());
    clearInterval(ticking);
  };
}
