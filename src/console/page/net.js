// Talks to the trap over a link that comes and goes: time limits, retries, one banner, one stream of news.

let csrf = null;
let heard = { trouble() {}, login() {} };
let failing = 0;

// `trouble(down)` when the link goes or returns, `login()` when the trap wants the secret again.
export function listen(to) {
  heard = to;
}

export function token(value) {
  csrf = value;
}

// What the trap refused, in its own words. `status` 0: it was not reached.
export class Refusal extends Error {
  constructor(status, body) {
    super((body && body.error) || "");
    this.status = status;
    this.body = body || {};
  }
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

function trouble(down) {
  const before = failing > 0;
  failing = down ? failing + 1 : 0;
  if (before !== failing > 0) heard.trouble(failing > 0);
}

async function once(method, path, body, limit) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), limit);
  try {
    const headers = {};
    if (body !== undefined) headers["content-type"] = "application/json";
    if (method !== "GET" && csrf) headers["x-csrf"] = csrf;
    const set = { method, headers, signal: stop.signal, credentials: "same-origin", cache: "no-store" };
    if (body !== undefined) set.body = JSON.stringify(body);
    let answer;
    try {
      answer = await fetch(path, set);
    } catch (e) {
      throw new Refusal(0);
    }
    const text = await answer.text().catch(() => {
      throw new Refusal(0);
    });
    let data = null;
    try {
      data = text ? JSON.parse(text) : null;
    } catch (e) {
      data = { error: text.slice(0, 200) };
    }
    if (!answer.ok) throw new Refusal(answer.status, data);
    return data;
  } finally {
    clearTimeout(timer);
  }
}

// One call. `set.tries`: how often a link that fails is tried (reads 6 times, writes once unless said).
export async function call(method, path, body, set) {
  const given = set || {};
  const tries = given.tries || (method === "GET" ? 6 : 1);
  for (let n = 1; ; n += 1) {
    try {
      const data = await once(method, path, body, given.limit || 15000);
      trouble(false);
      return data;
    } catch (e) {
      const lost = e.status === 0 || e.status === 502 || e.status === 503 || e.status === 504;
      if (!lost) {
        trouble(false);
        if (e.status === 401 && path !== "/api/login") heard.login();
        throw e;
      }
      trouble(true);
      if (n >= tries) throw e;
      await pause(Math.min(8000, 400 * Math.pow(2, n - 1)));
    }
  }
}

// Sends a file as it is; a link that fails is not tried again by itself.
export async function send(path, file) {
  const headers = { "content-type": "application/octet-stream" };
  if (csrf) headers["x-csrf"] = csrf;
  let answer;
  try {
    answer = await fetch(path, { method: "POST", headers, body: file, credentials: "same-origin", cache: "no-store" });
  } catch (e) {
    throw new Refusal(0);
  }
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refusal(answer.status, data);
  return data;
}

export const read = (path, set) => call("GET", path, undefined, set);

// A query string of what is given.
export function query(values) {
  const parts = new URLSearchParams();
  for (const key of Object.keys(values)) {
    const value = values[key];
    if (value !== null && value !== undefined && value !== "") parts.set(key, value);
  }
  const text = parts.toString();
  return text ? "?" + text : "";
}

// The stream of news: opened while someone listens, opened again when it breaks.
const listeners = {};
let stream = null;
let wait = 1000;
let again = null;

function open() {
  clearTimeout(again);
  stream = new EventSource("/api/live");
  stream.onopen = () => {
    wait = 1000;
    trouble(false);
  };
  stream.onerror = () => {
    if (stream) stream.close();
    stream = null;
    if (!Object.keys(listeners).some((kind) => listeners[kind].size)) return;
    again = setTimeout(() => {
      // A plain call tells a lost link from a lost login.
      read("/api/me", { tries: 1 }).then(open, (e) => {
        if (e.status !== 401) open();
      });
    }, wait);
    wait = Math.min(15000, wait * 2);
  };
  for (const kind of Object.keys(listeners)) hook(kind);
}

function hook(kind) {
  stream.addEventListener(kind, (event) => {
    let data;
    try {
      data = JSON.parse(event.data);
    } catch (e) {
      return;
    }
    trouble(false);
    for (const hear of Array.from(listeners[kind])) hear(data);
  });
}

// Hears news of one kind until the function it returns is called.
export function news(kind, hear) {
  const first = !listeners[kind];
  if (first) listeners[kind] = new Set();
  listeners[kind].add(hear);
  if (!stream) open();
  else if (first) hook(kind);
  return () => listeners[kind].delete(hear);
}

export function silence() {
  clearTimeout(again);
  for (const kind of Object.keys(listeners)) delete listeners[kind];
  if (stream) stream.close();
  stream = null;
}
