// The trap's clock against the phone's, and a safe way to switch it off.
import { h, fill, button, icon } from "./dom.js";
import { call, read, news } from "./net.js";
import { ask, toast } from "./sheet.js";
import { t, has, span, time, day } from "./words.js";

// Seconds between the two clocks that nobody needs to mend.
const CLOSE = 2;

export function power(home, ctx) {
  let status = null;
  let heardAt = 0;
  let gone = null;
  const phone = h("dd");
  const trap = h("dd");
  const apart = h("p", { class: "apart", role: "status" });
  const set = button("clock", t("time.set"), setTime, { class: "main", "data-key": "set-time" });
  const body = h("div");

  const skew = () => (status ? (Date.parse(status.now) - heardAt) / 1000 : null);

  function tick() {
    if (gone) return;
    fill(phone, h("b", null, time(Date.now(), true)), " ", day(Date.now()));
    if (!status) return fill(trap, "…");
    const now = Date.now() + skew() * 1000;
    fill(trap, h("b", null, time(now, true)), " ", day(now), " ", h("small", null, "(" + (has("clock." + status.clock) ? t("clock." + status.clock) : status.clock) + ")"));
    const off = Math.abs(skew());
    const text = off < CLOSE ? t("time.same") : t(skew() > 0 ? "time.ahead" : "time.behind", { time: span(off) });
    if (apart.dataset.text !== text) {
      apart.dataset.text = text;
      apart.classList.toggle("bad", off >= CLOSE);
      fill(apart, icon(off < CLOSE ? "check" : "failed"), h("span", null, text));
    }
  }

  function took(answer) {
    status = answer;
    heardAt = Date.now();
    tick();
  }

  async function setTime() {
    set.disabled = true;
    try {
      // Half of the way there and back has passed when the trap reads it.
      const begun = Date.now();
      await read("/api/me", { tries: 3 });
      const there = Math.min(1000, (Date.now() - begun) / 2);
      const { moved_s } = await call("POST", "/api/time", { utc: new Date(Date.now() + there).toISOString() });
      took(await read("/api/status"));
      toast(Math.abs(skew()) < CLOSE ? t("time.done", { time: span(Math.abs(moved_s || 0)) }) : t("time.kept"));
    } catch (e) {
      toast(e.message || t("time.failed"));
    }
    set.disabled = false;
  }

  function end(action) {
    ask(t("power." + action), t("power." + action + "_sure"), t("power." + action), async () => {
      try {
        await call("POST", "/api/power", { action });
        gone = action;
        fill(home, h("div", { class: "nothing tall" }, icon("power"), h("p", { role: "alert" }, t("power." + action + "_done"))));
      } catch (e) {
        toast(e.status === 0 ? t("power.unsure") : e.message);
      }
    });
  }

  fill(body, ctx.me.powers.includes("power")
    ? [h("p", { class: "hint" }, t("power.hint")), h("div", { class: "row" }, button("power", t("power.off"), () => end("off"), { class: "danger" }), button("undo", t("power.reboot"), () => end("reboot"), { class: "quiet" }))]
    : h("p", { class: "hint" }, t("power.none")));
  fill(home,
    h("section", { class: "clocks" }, h("h2", null, t("time.title")),
      h("dl", { class: "cards two" }, h("div", { class: "card" }, h("dt", null, icon("person"), t("time.phone")), phone), h("div", { class: "card" }, h("dt", null, icon("live"), t("time.trap")), trap)),
      apart, h("p", { class: "hint" }, t("time.hint")),
      ctx.me.powers.includes("time") ? h("div", { class: "row" }, set) : null),
    h("section", null, h("h2", null, t("power.title")), body));
  read("/api/status").then(took, () => {});
  const ending = news("status", took);
  const ticking = setInterval(tick, 1000);
  tick();
  return () => {
    ending();
    clearInterval(ticking);
  };
}
