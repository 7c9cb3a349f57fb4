// A picture with the boxes that the networks drew, or words where there is none.
import { h, fill } from "./dom.js";
import { t, nameOf, time, score } from "./words.js";

// The frame that shows a burst best: the surest box among the frames that were kept.
export function bestFrame(burst) {
  let best = null;
  let most = -1;
  for (const frame of burst.frames || []) {
    if (frame.picture === null || frame.picture === undefined) continue;
    const sure = Math.max.apply(null, [0].concat((frame.boxes || []).map((b) => b.confidence)));
    if (sure > most) {
      best = frame;
      most = sure;
    }
  }
  return best;
}

// Weaker boxes are drawn thin and without words (MegaDetector's usual threshold for a detection).
const WEAK = 0.2;

function tag(box, label) {
  const what = box.label || (box.category === "animal" && label) || t("box." + box.category);
  return what + " " + score(box.confidence);
}

// Boxes over a picture, as text that stays sharp; people and vehicles have lines of their own kind.
export function boxes(list, label, small) {
  return (list || []).map((b) => {
    const kind = ["animal", "person", "vehicle"].includes(b.category) ? b.category : "animal";
    const set = { left: b.x * 100 + "%", top: b.y * 100 + "%", width: b.w * 100 + "%", height: b.h * 100 + "%" };
    const weak = b.confidence < WEAK;
    const name = small || weak ? null : h("span", { class: "tag" + (b.y < 0.08 ? " under" : "") + (b.x > 0.6 ? " left" : "") }, tag(b, label));
    return h("div", { class: "box " + kind + (weak ? " faint" : ""), style: set, "aria-hidden": "true" }, name);
  });
}

// What somebody who does not see the picture is told.
export function described(burst, frame) {
  const count = (frame.boxes || []).length;
  return t("picture.alt", { time: time(burst.at), i: frame.i + 1, n: burst.frames.length, boxes: count });
}

// `width` is 96, 320, 800, or 0 for the picture as stored.
export function picture(burst, frame, width, set) {
  const given = set || {};
  const holder = h("div", { class: "picture" });
  if (!frame) {
    fill(holder, h("div", { class: "nothing" }, given.why || t("picture.none")));
    return holder;
  }
  const ratio = frame.width && frame.height ? frame.height / frame.width : 0.5625;
  holder.style.setProperty("padding-top", ratio * 100 + "%");
  const img = h("img", {
    alt: given.alt === undefined ? described(burst, frame) : given.alt,
    loading: given.eager ? null : "lazy",
    decoding: "async",
    src: "/api/picture/" + encodeURIComponent(frame.picture) + "?w=" + width,
    onerror: () => fill(holder, h("div", { class: "nothing" }, t("picture.gone"))),
  });
  const label = burst.seen && burst.seen.length === 1 ? nameOf(burst.seen[0]) : null;
  fill(holder, img, given.plain ? null : boxes(frame.boxes, label, given.small));
  return holder;
}

// The small picture of a burst in lists.
export function thumbnail(burst, set) {
  const frame = bestFrame(burst);
  const failed = (burst.frames || []).find((f) => f.failed);
  const why = frame ? null : failed ? t("picture.failed") : t("picture.none");
  return picture(burst, frame, 320, Object.assign({ small: true, alt: "", why }, set));
}
