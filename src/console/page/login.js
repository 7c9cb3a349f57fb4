// The door: the trap's secret, with the tries left and the wait after too many.
import { h, fill, icon } from "./dom.js";
import { call, token } from "./net.js";
import { t, span, speak, language, LANGUAGES } from "./words.js";

export function login(home, inside) {
  document.title = "Trapline";
  const input = h("input", { id: "secret", type: "password", autocomplete: "current-password", autocapitalize: "none", spellcheck: "false", required: true, "aria-describedby": "secret-said secret-hint" });
  const said = h("p", { id: "secret-said", class: "said", role: "alert" });
  const enter = h("button", { type: "submit", class: "main wide" }, t("login.enter"));
  const shown = h("input", { type: "checkbox", onchange: (e) => { input.type = e.target.checked ? "text" : "password"; } });

  async function submit(event) {
    event.preventDefault();
    enter.disabled = true;
    fill(said, t("login.checking"));
    said.classList.add("calm");
    try {
      const answer = await call("POST", "/api/login", { secret: input.value.trim() }, { tries: 2, limit: 20000 });
      token(answer.csrf);
      inside();
      return;
    } catch (e) {
      said.classList.remove("calm");
      if (e.status === 401) {
        const left = e.body.tries_left;
        fill(said, icon("failed"), t("login.wrong"), typeof left === "number" ? " " + t("login.left", { n: left }) : "");
        input.select();
      } else if (e.status === 429) {
        return wait(e.body.retry_s || 5);
      } else {
        fill(said, icon("failed"), e.message || t("login.unreached"));
      }
    }
    enter.disabled = false;
    input.focus();
  }

  function wait(seconds) {
    if (!document.contains(said)) return;
    if (seconds <= 0) {
      enter.disabled = false;
      fill(said, "");
      return input.focus();
    }
    fill(said, icon("clock"), t("login.wait", { time: span(seconds) }));
    setTimeout(() => wait(seconds - 1), 1000);
  }

  fill(home, h("main", { class: "gate" }, h("form", { onsubmit: submit },
    h("img", { src: "/icon.svg", alt: "", width: 72, height: 72 }),
    h("h1", null, t("login.title")),
    h("label", { for: "secret" }, t("login.secret")), input,
    h("p", { id: "secret-hint", class: "hint" }, t("login.hint")),
    h("label", { class: "check" }, shown, h("span", null, t("login.show"))),
    said, enter,
    h("div", { class: "tongues", role: "group", "aria-label": t("language") }, Object.keys(LANGUAGES).map((code) =>
      h("button", { type: "button", class: "plain", lang: code, "aria-pressed": code === language ? "true" : "false", onclick: () => { speak(code); login(home, inside); } }, LANGUAGES[code])))))); 
  input.focus();
}
