// Signed bundles: what is in force, and a file of the phone's sent to the trap.
import { h, fill, button } from "./dom.js";
import { read, send } from "./net.js";
import { toast } from "./sheet.js";
import { t, moment } from "./words.js";

export function bundles() {
  const list = h("ul");
  const said = h("p", { class: "hint", role: "status" });
  const file = h("input", { type: "file", id: "bundle-file", accept: ".bundle" });
  const go = button("data", t("bundles.send"), upload, { class: "quiet" });
  const section = h("section", { class: "bundles" }, h("h2", null, t("bundles.title")), h("p", { class: "hint" }, t("bundles.intro")),
    list, h("label", { for: "bundle-file" }, t("bundles.file")), file, h("div", { class: "row" }, go), said);

  function show(answer) {
    const kinds = Object.keys(answer.kinds).filter((kind) => answer.kinds[kind].current);
    fill(list,
      kinds.map((kind) => h("li", null, h("b", null, kind + " " + answer.kinds[kind].current.version), " ", t(answer.kinds[kind].trial ? "bundles.trial" : "bundles.good"))),
      answer.log.slice(-5).reverse().map((one) => h("li", null, moment(one.at), " ", one.bundle, ": ", t("bundles." + one.what), one.why ? " (" + one.why + ")" : "")));
  }

  async function upload() {
    const chosen = file.files && file.files[0];
    if (!chosen) return fill(said, t("bundles.none"));
    go.disabled = true;
    fill(said, t("bundles.sending"));
    try {
      show(await send("/api/bundle", chosen));
      fill(said, t("bundles.done"));
      toast(t("bundles.done"));
    } catch (e) {
      fill(said, e.message || t("failed"));
    }
    go.disabled = false;
  }

  read("/api/bundle").then(show, (e) => fill(said, e.message || t("failed")));
  return section;
}
