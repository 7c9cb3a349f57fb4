// The frame around the views: who is in, where one is, navigation, the banner when the link is down.
import { h, fill, button, icon } from "./dom.js";
import * as kept from "./kept.js";
import { t, speak, language, LANGUAGES } from "./words.js";
import { call, read, listen, token, silence, news } from "./net.js";
import { sheet, covered } from "./sheet.js";
import * as labels from "./labels.js";
import { login } from "./login.js";
import { live } from "./live.js";
import { events } from "./events.js";
import { uncertain } from "./uncertain.js";
import { review } from "./review.js";
import { setup } from "./setup.js";
import { settings } from "./settings.js";
import { doctor } from "./doctor.js";
import { data } from "./data.js";
import { power } from "./power.js";

const VIEWS = {
  "": { name: "live", view: live, on: (me) => me.mode === "trap" },
  events: { name: "events", view: events, on: () => true },
  uncertain: { name: "uncertain", view: uncertain, on: () => true },
  review: { name: "review", view: review, on: () => true },
  setup: { name: "setup", view: setup, on: (me) => me.powers.includes("setup") },
  settings: { name: "settings", view: settings, on: (me) => me.powers.includes("settings") },
  doctor: { name: "doctor", view: doctor, on: () => true },
  data: { name: "data", view: data, on: () => true },
  power: { name: "power", view: power, on: (me) => me.mode === "trap" },
};
// What fits into the bar of a phone; the rest is under "more".
const BAR = { trap: ["", "events", "uncertain", "setup"], desk: ["review", "events", "uncertain", "data"] };

const app = document.getElementById("app");
const banner = h("div", { class: "banner", role: "status", "aria-live": "polite" });
const main = h("main", { id: "main", tabindex: "-1" });
const nav = h("nav", { class: "nav" });
let me = null;
let leave = null;
let queue = null;
let down = false;
let closing = null;

const route = () => location.hash.replace(/^#\/?/, "").split("?")[0];

function start() {
  return me.mode === "trap" ? "" : "review";
}

function frame() {
  fill(app,
    h("a", { class: "skip", href: "#main", onclick: (e) => { e.preventDefault(); main.focus(); } }, t("skip")),
    h("div", { class: "frame" }, nav, h("div", { class: "page" }, banner, main)));
  draw();
}

function link(path, text, badge) {
  const { name } = VIEWS[path];
  return h("a", { href: "#/" + path, "aria-current": route() === path ? "page" : null, "data-key": "nav-" + name },
    icon(name), h("span", null, text || t("nav." + name)),
    badge ? h("b", { class: "badge" }, badge, h("span", { class: "unseen" }, " " + t("nav.waiting"))) : null);
}

function draw() {
  const paths = Object.keys(VIEWS).filter((path) => VIEWS[path].on(me));
  const bar = BAR[me.mode].filter((path) => paths.includes(path));
  const rest = paths.filter((path) => !bar.includes(path));
  const more = button("more", t("nav.more"), openMore, { class: "more" + (rest.includes(route()) ? " here" : ""), "data-key": "nav-more", "aria-haspopup": "dialog" });
  nav.setAttribute("aria-label", t("nav.title"));
  fill(nav,
    h("div", { class: "brand" }, h("img", { src: "/icon.svg", alt: "", width: 36, height: 36 }),
      h("div", null, h("strong", null, me.site || me.device || "Trapline"), me.mode === "desk" ? h("small", null, t("mode.desk")) : me.device !== me.site ? h("small", null, me.device) : null)),
    h("div", { class: "bar" }, bar.map((path) => link(path, null, path === "uncertain" ? queue : null)), more),
    h("div", { class: "side" }, paths.map((path) => link(path, null, path === "uncertain" ? queue : null)),
      h("span", { class: "grow" }), button("theme", t("prefs"), openPreferences, { class: "side-button", "data-key": "nav-prefs" })));
}

function openMore() {
  const paths = Object.keys(VIEWS).filter((path) => VIEWS[path].on(me) && !BAR[me.mode].includes(path));
  const close = sheet(t("nav.more"), [
    h("ul", { class: "more-list" }, paths.map((path) => {
      const one = link(path);
      // The sheet lies on the history; it goes first.
      one.addEventListener("click", (event) => {
        event.preventDefault();
        window.addEventListener("popstate", () => { location.hash = "#/" + path; }, { once: true });
        close();
      });
      return h("li", null, one);
    })),
    preferences(),
  ]);
}

function openPreferences() {
  sheet(t("prefs"), preferences());
}

function group(name, title, choices, current, choose) {
  return h("fieldset", { class: "segments" }, h("legend", null, title), choices.map(([value, words]) =>
    h("label", null, h("input", { type: "radio", name, value, checked: value === current, onchange: () => choose(value) }), h("span", null, words))));
}

function preferences() {
  const theme = kept.get("theme", "auto");
  const id = "who";
  return h("div", { class: "prefs" },
    group("theme", t("theme"), ["auto", "light", "dark", "red"].map((v) => [v, t("theme." + v)]), theme, wear),
    h("p", { class: "hint" }, t("theme.red_hint")),
    group("language", t("language"), Object.keys(LANGUAGES).map((code) => [code, LANGUAGES[code]]), language, (code) => {
      speak(code);
      window.addEventListener("popstate", () => { frame(); go(); }, { once: true });
      history.back();
    }),
    h("label", { for: id }, t("who")),
    h("input", { id, type: "text", maxlength: 40, autocomplete: "name", value: kept.get("who", ""), oninput: (e) => kept.set("who", e.target.value.trim()) }),
    h("p", { class: "hint" }, t("who.hint")),
    h("p", { class: "hint" }, "Trapline " + me.version + (me.device ? " · " + me.device : "")),
    button("out", t("logout"), logout, { class: "quiet" }));
}

function wear(theme) {
  kept.set("theme", theme === "auto" ? null : theme);
  if (theme === "auto") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.setAttribute("data-theme", theme);
}

async function logout() {
  try {
    await call("POST", "/api/logout");
  } catch (e) {
    // Without a link the session ends by itself.
  }
  location.hash = "";
  location.reload();
}

function go() {
  if (!me) return;
  let path = route();
  if (!VIEWS[path] || !VIEWS[path].on(me)) {
    path = start();
    if (route() !== path) return location.replace("#/" + path);
  }
  if (leave) leave();
  leave = null;
  draw();
  document.body.dataset.view = VIEWS[path].name;
  const title = t("title." + VIEWS[path].name);
  document.title = title + " – " + (me.site || "Trapline");
  const heading = h("h1", { tabindex: "-1" }, title);
  const body = h("div", { class: "view " + VIEWS[path].name });
  fill(main, h("header", { class: "head" }, heading), body);
  window.scrollTo(0, 0);
  leave = VIEWS[path].view(body, { me, head: main.firstChild, refreshQueue }) || null;
  if (!covered()) heading.focus({ preventScroll: true });
}

function announce() {
  const unsent = labels.unsent();
  const parts = [];
  if (down) parts.push(t("banner.down"));
  if (unsent && (down || unsent > 3)) parts.push(t("banner.unsent", { n: unsent }));
  if (closing !== null && closing < 90) parts.push(t("banner.closing", { n: closing }));
  const text = parts.join(" ");
  if (banner.dataset.text !== text) {
    banner.dataset.text = text;
    fill(banner, text ? h("span", null, icon("failed"), text) : null);
    banner.classList.toggle("shown", !!text);
  }
}

async function refreshQueue() {
  try {
    const answer = await read("/api/bursts?uncertain=1&labelled=no&limit=1", { tries: 1 });
    queue = answer.total || null;
    if (me) draw();
  } catch (e) {
    // The badge is a courtesy.
  }
}

async function enter() {
  try {
    me = await read("/api/me", { tries: 1000 });
  } catch (e) {
    if (e.status !== 401) fill(app, h("main", { class: "gate" }, h("p", { role: "alert" }, e.message || t("failed"))));
    return;
  }
  token(me.csrf);
  me.powers = me.powers || [];
  labels.flush();
  frame();
  go();
  refreshQueue();
  news("status", (status) => {
    closing = typeof status.off_in_s === "number" ? status.off_in_s : null;
    announce();
  });
}

// The trap wants the secret: at the start, or in the middle of something. Drafts and unsent labels stay.
function ask() {
  if (document.querySelector(".gate")) return;
  me = null;
  if (leave) leave();
  leave = null;
  silence();
  login(app, () => enter());
}

listen({ trouble: (lost) => { down = lost; announce(); }, login: ask });
labels.watch((burst) => {
  announce();
  if (burst) refreshSoon();
});
let soon = null;
function refreshSoon() {
  clearTimeout(soon);
  soon = setTimeout(refreshQueue, 900);
}
window.addEventListener("hashchange", go);
window.addEventListener("online", () => labels.flush());
enter();
