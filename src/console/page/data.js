// What can be carried away: exports to download; on a laptop also copies sorted into folders by species.
import { h, fill, button, icon, fresh } from "./dom.js";
import * as kept from "./kept.js";
import { call, read, news } from "./net.js";
import { ask, toast } from "./sheet.js";
import { field } from "./form.js";
import { t, has, bytes } from "./words.js";

function radios(name, title, values, current, choose) {
  return h("fieldset", { class: "segments" }, h("legend", null, title), values.map((value) => h("label", null,
    h("input", { type: "radio", name, value, checked: value === current, onchange: () => choose(value) }), h("span", null, t("files." + value)))));
}

function folders() {
  let action = "copy";
  let people = kept.get("people", "blur");
  let job = null;
  const to = field(t("files.to"), h("input", { type: "text", autocomplete: "off", spellcheck: "false", value: kept.get("folder", ""), oninput: (e) => kept.set("folder", e.target.value) }), { hint: t("files.to_hint") });
  const bar = h("progress", { max: 1, value: 0, hidden: true, "aria-label": t("files.progress") });
  const said = h("p", { class: "hint", role: "status" });
  const send = button("data", t("files.start"), null, { class: "main", type: "submit" });
  const note = h("p", { class: "hint" });

  function explain() {
    fill(note, t("files.note_" + action), " ", action === "move" && people === "blur" ? t("files.no_blur_move") : "");
    send.disabled = !!job || (action === "move" && people === "blur");
  }

  async function begin() {
    to.error("");
    job = "?";
    explain();
    try {
      const answer = await call("POST", "/api/files", { action, to: to.control.value.trim(), by: "species", people });
      job = answer.job;
      bar.hidden = false;
      bar.removeAttribute("value");
      fill(said, t("files.running"));
    } catch (e) {
      job = null;
      if (e.body && e.body.key === "to") {
        to.error(e.message);
        to.control.focus();
      } else fill(said, e.message || t("failed"));
      explain();
    }
  }

  function heard(data) {
    if (job === null) return;
    if (data.total) {
      bar.max = data.total;
      bar.value = data.done;
    }
    fill(said, t("files.done", { done: data.done, total: data.total || "?" }), " ", data.text || "");
    if (data.finished || data.error) {
      job = null;
      bar.hidden = !!data.error;
      fill(said, data.error ? [icon("failed"), data.error] : [icon("check"), t("files.finished", { n: data.done }), " ", data.text || ""]);
      toast(data.error || t("files.finished", { n: data.done }));
      explain();
    }
  }

  function submit(event) {
    event.preventDefault();
    if (!to.control.value.trim()) {
      to.error(t("files.to_missing"));
      return to.control.focus();
    }
    if (action === "move") ask(t("files.move_title"), t("files.move_sure"), t("files.move"), begin);
    else begin();
  }

  explain();
  return {
    node: h("form", { class: "form", novalidate: true, onsubmit: submit }, h("h2", null, t("files.title")),
      radios("action", t("files.action"), ["copy", "move"], action, (v) => { action = v; explain(); }), to.node,
      radios("people", t("files.people"), ["blur", "leave_out", "as_is"], people, (v) => { people = v; kept.set("people", v); explain(); }),
      note, h("div", { class: "row" }, send), bar, said),
    end: news("job", heard),
  };
}

export function data(home, ctx) {
  const list = h("ul", { class: "downloads" }, h("li", { class: "hint" }, t("loading")));
  const desk = ctx.me.powers.includes("files") ? folders() : null;
  fill(home, h("section", null, h("h2", null, t("data.downloads")), h("p", { class: "hint" }, t("data.labels")), list), desk ? h("section", null, desk.node) : null);
  read("/api/downloads").then((answer) => fill(list, answer.items.map((one) => {
    const id = fresh("download");
    return h("li", null, h("div", null, h("strong", { id }, has("download." + one.format) ? t("download." + one.format) : one.title), h("small", null, one.format + (one.bytes ? " · " + bytes(one.bytes) : ""))),
      h("a", { class: "button quiet", href: "/api/download/" + encodeURIComponent(one.format), download: "", "aria-describedby": id }, icon("data"), h("span", null, t("data.download"))));
  })), (e) => fill(list, h("li", { class: "said" }, e.message || t("failed"))));
  return () => desk && desk.end();
}
