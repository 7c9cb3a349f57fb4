// The configuration's keys as the trap tells them, changed ones marked, errors where they belong.
import { bundles } from "./bundles.js";
import { h, fill, button } from "./dom.js";
import { call, read } from "./net.js";
import { toast } from "./sheet.js";
import { field, toNumber, draft, point, refused, range } from "./form.js";
import { t, has } from "./words.js";

const shownAs = (value) => (value === null || value === undefined ? "" : Array.isArray(value) ? value.join(", ") : String(value));

export function settings(home) {
  const saved = draft("settings");
  let keys = [];
  let fields = {};
  const status = h("p", { class: "hint", role: "status" });
  const send = button("check", t("save"), null, { class: "main", type: "submit" });

  function control(item) {
    const set = { name: item.key, oninput: changed, onchange: changed };
    if (item.kind === "bool") return h("select", set, [["true", t("yes")], ["false", t("no")]].map(([value, words]) => h("option", { value }, words)));
    const choices = item.choices || (item.kind === "choice" ? (String(item.allowed).match(/"[^"]*"/g) || []).map((x) => x.slice(1, -1)) : null);
    if (choices && choices.length && item.kind !== "list") return h("select", set, choices.map((value) => h("option", { value }, value)));
    return h("input", Object.assign({ type: "text", autocomplete: "off", autocapitalize: "none", spellcheck: "false", inputmode: item.kind === "number" ? "decimal" : null, placeholder: shownAs(item.default) }, set));
  }

  function typed() {
    const out = {};
    for (const item of keys) {
      const now = fields[item.key].control.value;
      if (now !== shownAs(item.value)) out[item.key] = now;
    }
    return out;
  }

  function changed() {
    const now = typed();
    for (const item of keys) fields[item.key].node.classList.toggle("changed", item.key in now);
    const n = Object.keys(now).length;
    saved.keep(n ? now : null);
    fill(status, n ? t("settings.changed", { n }) : "");
  }

  function parse() {
    const out = {};
    const problems = {};
    const now = typed();
    for (const item of keys) {
      if (!(item.key in now)) continue;
      const raw = now[item.key].trim();
      // The default is not written: the key goes from the file.
      if (raw === shownAs(item.default)) {
        out[item.key] = null;
        continue;
      }
      if (item.kind === "number") {
        const value = toNumber(raw);
        if (value !== null && (isNaN(value) || (item.whole && Math.round(value) !== value))) problems[item.key] = t("form.allowed", { allowed: range(item.allowed) });
        out[item.key] = value;
      } else if (item.kind === "bool") out[item.key] = raw === "true";
      else if (item.kind === "list") out[item.key] = raw.split(",").map((x) => x.trim()).filter(Boolean);
      else out[item.key] = raw === "" && item.value === null ? null : raw;
    }
    return { out, problems };
  }

  async function save(event) {
    event.preventDefault();
    const { out, problems } = parse();
    if (!point(fields, problems)) return fill(status, t("form.wrong"));
    if (!Object.keys(out).length) return fill(status, t("settings.nothing"));
    send.disabled = true;
    fill(status, t("form.saving"));
    try {
      let answer = await call("PUT", "/api/settings", { values: out }, { tries: 8 });
      if (!answer || !answer.keys) answer = await read("/api/settings");
      saved.drop();
      show(answer);
      toast(answer.restart ? t("settings.restart") : t("form.saved"));
    } catch (e) {
      const named = refused(e, fields);
      if (named) point(fields, named);
      fill(status, e.status === 0 ? t("form.not_sent") : e.message || t("failed"));
    }
    send.disabled = false;
  }

  function show(answer) {
    keys = answer.keys;
    fields = {};
    const groups = {};
    for (const item of keys) {
      const part = item.key.includes(".") ? item.key.split(".")[0] : "";
      const short = item.key.includes(".") ? item.key.slice(part.length + 1) : item.key;
      const made = field(h("code", null, short), control(item), {
        hint: [has("set." + item.key) ? t("set." + item.key) : item.text, " ", item.allowed ? t("settings.allowed", { allowed: range(item.allowed) }) : null, " ", t("settings.default", { value: shownAs(item.default) || "–" })],
        beside: shownAs(item.value) !== shownAs(item.default) ? button("undo", t("settings.to_default", { key: item.key }), () => { made.control.value = item.default === null ? "" : shownAs(item.default); changed(); }, { class: "plain round", bare: true }) : null,
      });
      made.control.value = shownAs(item.value);
      fields[item.key] = made;
      (groups[part] = groups[part] || []).push(made.node);
    }
    fill(home, h("p", { class: "hint" }, t("settings.intro"), " ", answer.file ? h("code", null, answer.file) : null),
      answer.restart ? h("p", { class: "notice", role: "status" }, t("settings.restart")) : null,
      h("form", { class: "form", novalidate: true, onsubmit: save },
        Object.keys(groups).map((part) => h("fieldset", null, h("legend", null, has("settings." + part) ? t("settings." + part) : part || t("settings.other")), groups[part])),
        h("div", { class: "sticky" }, send, button("undo", t("form.discard"), () => { saved.drop(); show(answer); }, { class: "quiet" }), status)),
      bundles());
    const kept = saved.read();
    if (kept) {
      for (const key of Object.keys(kept)) if (fields[key]) fields[key].control.value = kept[key];
      changed();
    }
  }

  fill(home, h("p", { class: "hint" }, t("loading")));
  read("/api/settings").then(show, (e) => fill(home, h("p", { class: "said" }, e.message || t("failed"))));
}
