// Whether the trap is well: each check with a sign, a word and a colour, and what to do about it.
import { h, fill, button, icon } from "./dom.js";
import { read } from "./net.js";
import { t, has } from "./words.js";

const ORDER = ["red", "amber", "green", "grey"];
const SIGN = { red: "failed", amber: "help", green: "check", grey: "more" };

export function doctor(home) {
  const results = h("div", { class: "checks" });
  const sum = h("p", { class: "sum", role: "status" });
  const again = button("doctor", t("doctor.again"), ask, { class: "quiet" });

  // The sentence in the reader's language, by check and cause.
  function said(kind, one) {
    const key = kind + one.id + "." + one.cause;
    return has(key) ? t(key, one.values) : "";
  }

  function check(one) {
    return h("li", { class: "check-one " + one.state },
      h("span", { class: "state" }, icon(SIGN[one.state] || "more"), h("span", null, t("state." + one.state))),
      h("div", null, h("h2", null, has("check." + one.id) ? t("check." + one.id) : one.title),
        h("p", null, said("found.", one) || one.text),
        one.cure ? h("p", { class: "cure" }, h("strong", null, t("doctor.cure") + " "), said("cure.", one) || one.cure) : null));
  }

  async function ask() {
    again.disabled = true;
    fill(sum, t("doctor.asking"));
    try {
      const { checks } = await read("/api/doctor", { limit: 30000 });
      const sorted = checks.slice().sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
      const count = (state) => checks.filter((c) => c.state === state).length;
      fill(sum, count("red") ? t("doctor.red", { n: count("red") }) : count("amber") ? t("doctor.amber", { n: count("amber") }) : t("doctor.green"));
      fill(results, h("ul", null, sorted.map(check)));
    } catch (e) {
      fill(sum, e.message || t("failed"));
    }
    again.disabled = false;
  }

  fill(home, h("div", { class: "row between" }, sum, again), results);
  ask();
}
