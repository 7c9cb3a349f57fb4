// What people say of a burst: at once on the page, then to the trap as soon as it answers; each can be taken back.
import * as kept from "./kept.js";
import { call, read } from "./net.js";
import { toast } from "./sheet.js";
import { t, verdict } from "./words.js";

// Labels not sent yet, oldest first: {ticket, bursts, outcome, seen, comment, who}. They outlive the page.
let waiting = kept.get("labels", []);
let undo = [];
let busy = false;
let ticket = Date.now();
const watchers = new Set();
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Calls `see(burst)` for each burst whose label changed, and `see(null)` when the number of unsent ones did.
export function watch(see) {
  watchers.add(see);
  return () => watchers.delete(see);
}

const tell = (burst) => Array.from(watchers).forEach((see) => see(burst));

export function unsent() {
  return waiting.length;
}

function keep() {
  kept.set("labels", waiting.length ? waiting : null);
  tell(null);
}

// Shows a label on a burst that the page holds.
function wear(burst, label) {
  burst.label = label;
  burst.decided = label ? { outcome: label.outcome, seen: label.seen } : { outcome: burst.outcome, seen: burst.seen };
  tell(burst);
}

// Labels waiting for the link are shown on what the trap sends meanwhile.
export function overlay(bursts) {
  for (const burst of bursts) {
    for (const entry of waiting) {
      if (entry.bursts.includes(burst.id)) {
        burst.label = { id: null, who: entry.who, at: null, outcome: entry.outcome, seen: entry.seen, comment: entry.comment };
        burst.decided = { outcome: entry.outcome, seen: entry.seen };
      }
    }
  }
  return bursts;
}

export function who() {
  return kept.get("who", "");
}

// Most bursts in one request; the trap takes a thousand.
const AT_ONCE = 500;

// Gives `bursts` one label: {outcome, seen, comment?}. `seen` has taxon, rank, label, count and what else is known.
// `after(bursts)` is called when it was taken back.
export function give(bursts, label, after) {
  const step = { entries: [], bursts, before: bursts.map((b) => b.label), repeated: false, after };
  for (let i = 0; i < bursts.length; i += AT_ONCE) {
    step.entries.push({
      ticket: (ticket += 1), bursts: bursts.slice(i, i + AT_ONCE).map((b) => b.id), outcome: label.outcome, seen: label.seen || [],
      comment: label.comment || "", who: who(),
    });
  }
  const first = step.entries[0];
  if (!first) return;
  waiting = waiting.concat(step.entries);
  keep();
  for (const burst of bursts) {
    wear(burst, { id: null, who: first.who, at: new Date().toISOString(), outcome: first.outcome, seen: first.seen, comment: first.comment });
  }
  undo.push(step);
  if (undo.length > 200) undo.shift();
  const what = verdict(first);
  toast(bursts.length === 1 ? t("label.given", { what }) : t("label.given_many", { what, n: bursts.length }), () => takeBack(step));
  flush();
}

// Says of each burst that the machine was right.
export function confirm(bursts, after) {
  const groups = {};
  for (const burst of bursts) {
    const seen = (burst.seen || []).map((s) => ({ taxon: s.taxon, rank: s.rank, label: s.label, count: s.count || 1 }));
    const outcome = burst.outcome === "failed" ? "uncertain" : burst.outcome;
    const key = JSON.stringify([outcome, seen]);
    (groups[key] = groups[key] || { outcome, seen, bursts: [] }).bursts.push(burst);
  }
  for (const key of Object.keys(groups)) give(groups[key].bursts, groups[key], after);
}

// Sends what waits, in order, as long as the trap answers.
export async function flush() {
  if (busy) return;
  busy = true;
  while (waiting.length) {
    const entry = waiting[0];
    const { ticket: mine, ids, ...body } = entry;
    const step = undo.find((s) => s.entries.includes(entry));
    try {
      entry.ids = (await call("POST", "/api/label", body, { tries: 1 })).labels;
    } catch (e) {
      if (e.status === 0 || e.status === 401 || e.status === 403 || e.status === 429 || e.status >= 500) {
        if (step) step.repeated = true;
        break;
      }
      // The trap refuses it: shown, and taken off again, so that one bad label does not hold up the others.
      toast(t("label.refused", { why: e.message }));
      if (step) step.bursts.forEach((burst, i) => wear(burst, step.before[i]));
      undo = undo.filter((s) => s !== step);
    }
    waiting = waiting.filter((e) => e.ticket !== mine);
    keep();
  }
  busy = false;
  if (waiting.length) setTimeout(flush, 5000);
}

async function takeBack(step) {
  undo = undo.filter((s) => s !== step);
  const queued = () => step.entries.filter((e) => waiting.includes(e));
  while (busy && queued().length) await pause(50);
  try {
    waiting = waiting.filter((e) => !step.entries.includes(e));
    keep();
    for (const entry of step.entries) {
      if (entry.ids) await call("POST", "/api/undo", { labels: entry.ids }, { tries: 5 });
      entry.ids = null;
    }
    if (step.repeated) await sweep(step);
  } catch (e) {
    toast(t("undo.failed", { why: e.message }));
    undo.push(step);
    return;
  }
  step.bursts.forEach((burst, i) => wear(burst, step.before[i]));
  toast(t("undo.done"));
  if (step.after) step.after(step.bursts);
}

// A label whose answer was lost may stand twice in the journal; the twin is taken back too.
async function sweep(step) {
  const first = step.entries[0];
  const wanted = JSON.stringify(first.seen.map((s) => s.taxon));
  for (const { id } of step.bursts) {
    const now = await read("/api/burst/" + encodeURIComponent(id));
    const twin = now.label && now.label.outcome === first.outcome && JSON.stringify(now.label.seen.map((s) => s.taxon)) === wanted;
    if (twin && now.label.id !== null) await call("POST", "/api/undo", { labels: [now.label.id] }, { tries: 5 });
  }
}

// Takes the last label back. False when there is none.
export function undoLast() {
  const step = undo[undo.length - 1];
  if (!step) {
    toast(t("undo.none"));
    return false;
  }
  takeBack(step);
  return true;
}

setTimeout(flush, 1000);
