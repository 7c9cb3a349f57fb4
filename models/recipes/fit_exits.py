#!/usr/bin/env python3
"""Chooses when looking at a burst ends (`Exits` in src/vision/cascade.rs) on bursts whose truth is known.

    python models/recipes/fit_exits.py --fit FIT.json... --test TEST.json... [--most 0.05] [--error 0.05]
        [--drops 0.6] [--sighted 0.9]

Each file is what `trapline bench energy --data DIR --json --exits STEPS.toml` prints, where STEPS.toml holds one
row [steps] that never ends early (docs/cascade.md has it). Every burst of it has the full look's outcome and the
steps of the other: what was looked at, the probability after it, and how long it had taken. So any exits can be
tried without looking again.

Among all exits of a grid it takes those that cost least on the bursts of --fit, of those that

- lose so few of the bursts that are alive and kept by the full look, that the one-sided upper bound of Clopper and
  Pearson (1934) on that share, wrong with a probability of --error, is at most --most;
- keep no fewer of those that are alive than the full look does;
- call at least --drops times as many of the other bursts empty as the full look does;
- call at least --sighted times as many of the bursts that are alive a sighting (and not uncertain).

Many exits are tried on the same bursts, so that the bound of the best is too good to be true. It is therefore
computed once more on the bursts of --test, on which nothing was chosen: that one holds with the stated error. Exits
that fail there are told as failed (and the exit status is 1). Deterministic; needs Python alone.
"""

import argparse
import itertools
import json
import math
import sys

# `Fusion::default` in src/vision/fuse.rs: below the first a burst is empty, from the second on it is alive.
FLOOR, THRESHOLD = 0.25, 0.75

GRID = {
    "calm": [1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5],
    "empty": [0.02, 0.05, 0.1, 0.15, 0.2],
    "last": [0.1, 0.15, 0.2, 0.25],
    "frames": [1, 2, 3],
    "doubt": [1, 2, 3],
    "alive": [0.75, 0.85, 0.95],
}


class Burst:
    """A burst: its truth, what the full look made of it, and the steps of a look without exits."""

    def __init__(self, full, steps):
        self.alive, self.full, self.cost = full["alive"], full["outcome"], full["cpu_ms"]
        self.named = full["outcome"] not in ("empty", "uncertain")
        self.steps = [s for s in steps["steps"] if s["view"] != "motion"]
        self.outcome, self.whole = steps["outcome"], steps["cpu_ms"]
        # Steps tell the clock; what the rest of the burst's processor time went into comes after the last of them.
        after = steps["spent"]["classify"]
        last = self.steps[-1]["ms"] if self.steps else 1.0
        self.scale = max(0.0, steps["cpu_ms"] - after) / last
        self.after = after

    def ends(self, exits):
        """(outcome, processor milliseconds) with these exits: `Exits::decided`, step by step."""
        if not self.steps:
            return self.outcome, self.whole
        lively = self.steps[0]["salience"] >= exits["calm"]
        outcome = None
        for step in self.steps:
            p = step["probability"]
            verdict = "empty" if p < FLOOR else "uncertain" if p < THRESHOLD else "sighting"
            if step["due"]:
                continue
            if verdict == "sighting" and p >= exits["alive"]:
                outcome = verdict
            elif verdict == "empty" and not lively:
                if p < exits["empty"]:
                    outcome = verdict
            elif step["frames"] >= exits["frames" if verdict == "empty" else "doubt"]:
                outcome = "uncertain" if verdict == "empty" else verdict
            if outcome:
                break
        cost = step["ms"] * self.scale
        if not outcome:
            outcome = "uncertain" if verdict == "empty" and p >= exits["last"] else verdict
        return outcome, cost + (self.after if outcome == "sighting" else 0.0)


def read(paths):
    bursts = []
    for path in paths:
        with open(path) as file:
            modes = {mode["mode"]: mode["each"] for mode in json.load(file)["modes"]}
        bursts += [Burst(full, steps) for full, steps in zip(modes["full"], modes["steps"], strict=True)]
    return bursts


def upper(lost, of, error):
    """The share below which the true one lies, but for a probability of `error` (Clopper and Pearson, one-sided)."""
    if of == 0 or lost >= of:
        return 1.0
    low, high = lost / of, 1.0
    for _ in range(60):
        share = (low + high) / 2
        no_more = sum(math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(lost + 1))
        low, high = (share, high) if no_more > error else (low, share)
    return high


def judged(bursts, exits):
    told = {
        "exits": exits,
        "lost": 0,
        "of": 0,
        "alive": 0,
        "kept": 0,
        "full_dropped": 0,
        "dropped": 0,
        "sighted": 0,
        "full_sighted": 0,
    }
    cost = full = 0.0
    for burst in bursts:
        outcome, ms = burst.ends(exits)
        cost, full = cost + ms, full + burst.cost
        empty, was = outcome == "empty", burst.full == "empty"
        if burst.alive:
            told["alive"] += 1
            told["kept"] += not empty
            told["of"] += not was
            told["lost"] += empty and not was
            told["sighted"] += outcome == "sighting"
            told["full_sighted"] += burst.named
        else:
            told["dropped"] += empty
            told["full_dropped"] += was
    told["cost"] = cost / full
    return told


def line(told, error):
    bound = upper(told["lost"], told["of"], error)
    exits = " ".join(f"{key} {value}" for key, value in told["exits"].items())
    return (
        f"{exits}: {told['cost']:.3f} of the processor time; "
        f"lost {told['lost']} of {told['of']} that the full look keeps (at most {bound:.1%}); "
        f"kept {told['kept']} of {told['alive']} alive (full {told['of']}); "
        f"sighted {told['sighted']} (full {told['full_sighted']}); "
        f"dropped {told['dropped']} (full {told['full_dropped']})"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fit", nargs="+", required=True)
    parser.add_argument("--test", nargs="+", required=True)
    parser.add_argument("--most", type=float, default=0.05, help="largest share that may be lost")
    parser.add_argument("--error", type=float, default=0.05, help="probability that more is lost all the same")
    parser.add_argument("--drops", type=float, default=0.6, help="least empties dropped, in shares of the full look's")
    parser.add_argument("--sighted", type=float, default=0.9, help="least sightings, in shares of the full look's")
    parser.add_argument("--top", type=int, default=5, help="how many of the cheapest to print")
    args = parser.parse_args()
    fit, test = read(args.fit), read(args.test)
    all_of_them = [dict(zip(GRID, values, strict=True)) for values in itertools.product(*GRID.values())]
    tried = [judged(fit, exits) for exits in all_of_them]

    def fits(t):
        return (
            upper(t["lost"], t["of"], args.error) <= args.most
            and t["kept"] >= t["of"]
            and t["dropped"] >= args.drops * t["full_dropped"]
            and t["sighted"] >= args.sighted * t["full_sighted"]
        )

    best = sorted(filter(fits, tried), key=lambda t: t["cost"])[: args.top]
    if not best:
        sys.exit("no exits of the grid lose so little")
    print(f"of {len(tried)} exits, on {len(fit)} bursts:")
    for told in best:
        print(" ", line(told, args.error))
    held = judged(test, best[0]["exits"])
    print(f"the first, on {len(test)} others:")
    print(" ", line(held, args.error))
    if upper(held["lost"], held["of"], args.error) > args.most:
        sys.exit("more may be lost there than was asked for")


if __name__ == "__main__":
    main()
