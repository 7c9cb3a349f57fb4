// How the camera stands: the deployment form, with position and heading from the phone where it gives them.
import { h, fill, button } from "./dom.js";
import { call, read } from "./net.js";
import { toast } from "./sheet.js";
import { field, toNumber, draft, point, refused } from "./form.js";
import { t } from "./words.js";

// Ranges as src/deployment.rs has them; the trap checks again.
const NUMBERS = {
  latitude: { unit: "°", low: -90, high: 90 }, longitude: { unit: "°", low: -180, high: 180 },
  coordinate_uncertainty_m: { unit: "m", low: 1, high: 1000000, whole: true },
  height_m: { unit: "m", low: 0, high: 100 }, tilt_deg: { unit: "°", low: -90, high: 90, whole: true },
  heading_deg: { unit: "°", low: 0, high: 360, whole: true }, detection_distance_m: { unit: "m", low: 0, high: 1000 },
};
const FEATURES = ["roadPaved", "roadDirt", "trailHiking", "trailGame", "roadUnderpass", "roadOverpass", "roadBridge", "culvert",
  "burrow", "nestSite", "carcass", "waterSource", "fruitingTree"];
const PARTS = [
  ["place", ["location_id", "location_name", "latitude", "longitude", "coordinate_uncertainty_m"]],
  ["camera", ["height_m", "heading_deg", "tilt_deg", "detection_distance_m", "camera_id", "camera_model"]],
  ["site", ["bait", "feature", "habitat"]],
  ["notes", ["setup_by", "groups", "tags", "comments"]],
];

export function setup(home) {
  const saved = draft("setup");
  const fields = {};
  let stored = {};
  const status = h("p", { class: "hint", role: "status" });

  const text = (key, value) => {
    if (value === null || value === undefined) return "";
    return Array.isArray(value) ? value.join(", ") : typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
  };

  function values() {
    const out = {};
    for (const key of Object.keys(fields)) out[key] = fields[key].control.value;
    return out;
  }

  function changed() {
    saved.keep(values());
    fill(status, t("form.unsaved"));
  }

  function control(key) {
    const listen = { oninput: changed, onchange: changed, name: key };
    if (key === "bait") return h("select", listen, [["", t("unknown")], ["yes", t("yes")], ["no", t("no")]].map(([value, words]) => h("option", { value }, words)));
    if (key === "feature") return h("select", listen, h("option", { value: "" }, t("unknown")), FEATURES.map((value) => h("option", { value }, t("feature." + value))));
    if (key === "comments" || key === "habitat") return h("textarea", Object.assign({ rows: 2 }, listen));
    return h("input", Object.assign({ type: "text", inputmode: NUMBERS[key] ? (NUMBERS[key].low < 0 ? "text" : "decimal") : null, autocomplete: "off" }, listen));
  }

  function put(key, value) {
    fields[key].control.value = value;
    fields[key].error("");
    changed();
  }

  function position() {
    fill(where, t("setup.locating"));
    if (!window.isSecureContext || !navigator.geolocation) {
      // Browsers give the position to pages with TLS only; the trap's own Wi-Fi has none.
      fill(where, t("setup.no_position"));
      return fields.latitude.control.focus();
    }
    navigator.geolocation.getCurrentPosition((found) => {
      put("latitude", found.coords.latitude.toFixed(6));
      put("longitude", found.coords.longitude.toFixed(6));
      put("coordinate_uncertainty_m", String(Math.max(1, Math.round(found.coords.accuracy))));
      fill(where, t("setup.located", { n: Math.round(found.coords.accuracy) }));
    }, (error) => fill(where, t("setup.position_failed", { why: error.message })), { enableHighAccuracy: true, timeout: 30000, maximumAge: 0 });
  }

  // The compass: absolute headings only, of the direction the phone's top points to.
  let compass = null;
  function direction() {
    if (!window.isSecureContext || !("DeviceOrientationEvent" in window)) {
      fill(heading, t("setup.no_compass"));
      return fields.heading_deg.control.focus();
    }
    if (compass) return stop();
    const heard = (event) => {
      const degrees = typeof event.webkitCompassHeading === "number" ? event.webkitCompassHeading : event.absolute && event.alpha !== null ? 360 - event.alpha : null;
      if (degrees === null) return;
      put("heading_deg", String(Math.round(degrees) % 360));
      fill(heading, t("setup.compass_on"));
    };
    const kind = "ondeviceorientationabsolute" in window ? "deviceorientationabsolute" : "deviceorientation";
    const begin = () => {
      compass = { kind, heard };
      window.addEventListener(kind, heard);
      fill(heading, t("setup.compass_wait"));
      setTimeout(() => compass && heading.textContent === t("setup.compass_wait") && (stop(), fill(heading, t("setup.no_compass"))), 3000);
    };
    if (DeviceOrientationEvent.requestPermission) DeviceOrientationEvent.requestPermission().then((said) => (said === "granted" ? begin() : fill(heading, t("setup.no_compass"))), () => fill(heading, t("setup.no_compass")));
    else begin();
  }

  function stop() {
    if (compass) window.removeEventListener(compass.kind, compass.heard);
    compass = null;
    fill(heading, t("setup.compass_held"));
  }

  const where = h("p", { class: "hint", role: "status" });
  const heading = h("p", { class: "hint", role: "status" });

  function parse() {
    const out = {};
    const problems = {};
    const typed = values();
    for (const key of Object.keys(fields)) {
      const raw = typed[key].trim();
      if (NUMBERS[key]) {
        const range = NUMBERS[key];
        const value = toNumber(raw);
        out[key] = value;
        const bad = value !== null && (isNaN(value) || value < range.low || value > range.high || (range.whole && Math.round(value) !== value));
        if (bad) problems[key] = t(range.whole ? "form.whole_range" : "form.range", range);
      } else if (key === "bait") out[key] = raw === "" ? null : raw === "yes";
      else if (key === "groups" || key === "tags") out[key] = raw.split(",").map((x) => x.trim()).filter(Boolean);
      else out[key] = raw || null;
    }
    if ((out.latitude === null) !== (out.longitude === null)) problems[out.latitude === null ? "latitude" : "longitude"] = t("setup.both");
    return { out, problems };
  }

  async function save(event) {
    event.preventDefault();
    if (compass) stop();
    const { out, problems } = parse();
    if (!point(fields, problems)) return fill(status, t("form.wrong"));
    fill(status, t("form.saving"));
    send.disabled = true;
    try {
      const answer = await call("PUT", "/api/setup", Object.assign({}, stored, out), { tries: 8 });
      stored = answer || out;
      saved.drop();
      show(stored);
      fill(status, t("form.saved"));
      toast(t("form.saved"));
    } catch (e) {
      const named = refused(e, fields);
      if (named) point(fields, named);
      fill(status, e.status === 0 ? t("form.not_sent") : e.message || t("failed"));
    }
    send.disabled = false;
  }

  function show(from) {
    for (const key of Object.keys(fields)) fields[key].control.value = text(key, from[key]);
  }

  const send = button("check", t("save"), null, { class: "main", type: "submit" });
  const groups = PARTS.map(([part, keys]) => h("fieldset", null, h("legend", null, t("setup.part." + part)), keys.map((key) => {
    const made = field(t("setup." + key), control(key), { unit: NUMBERS[key] && NUMBERS[key].unit, hint: hints[key] ? t("setup." + key + ".hint") : null });
    fields[key] = made;
    if (key === "coordinate_uncertainty_m") made.node.appendChild(h("div", { class: "from-phone" }, button("here", t("setup.locate"), position, { class: "quiet" }), where));
    if (key === "heading_deg") made.node.appendChild(h("div", { class: "from-phone" }, button("live", t("setup.compass"), direction, { class: "quiet" }), heading));
    return made.node;
  })));
  const form = h("form", { class: "form", novalidate: true, onsubmit: save }, groups,
    h("div", { class: "sticky" }, send, button("undo", t("form.discard"), () => { saved.drop(); show(stored); point(fields, {}); fill(status, ""); }, { class: "quiet" }), status));
  fill(home, h("p", { class: "hint" }, t("loading")));

  read("/api/setup").then((answer) => {
    stored = answer || {};
    show(stored);
    const typed = saved.read();
    if (typed) {
      for (const key of Object.keys(typed)) if (fields[key]) fields[key].control.value = typed[key];
      fill(status, t("form.draft"));
    }
    fill(home, form);
  }, (e) => fill(home, h("p", { class: "said" }, e.message || t("failed"))));
  return () => compass && stop();
}

const hints = { location_id: 1, heading_deg: 1, height_m: 1, tilt_deg: 1, detection_distance_m: 1, groups: 1, tags: 1, coordinate_uncertainty_m: 1 };
