#!/usr/bin/env python3
"""Fits the fusion weights (src/vision/fuse.rs) on bursts whose truth is known.

    python models/recipes/fit_fusion.py CLUES.jsonl [--prior 30] [--folds 5]

Each line of CLUES.jsonl is one burst: {"alive": true, "group": "site 3", "clues": {"motion": 6.5, ...}}, with the
clues that `fuse::clues` gives (serialised as they are) and `alive` from the truth: any animal, person or vehicle of
which enough is visible. `group` keeps bursts of one site together in cross-validation.

It maximises the posterior of a logistic model: the signs of the weights are fixed (a clue can never be turned round)
and a Gaussian prior holds them near the reasoned defaults, worth `--prior` bursts. The prior matters: the bench world
shakes whole branches in most of its empties, so that its motion says less than a forest's does, while its detector,
trained on the same world, says more than any detector says of animals it has never seen. Weights that change by more
than half from their defaults are reported, and should be believed only with real bursts to support them.

Printed: the weights as `Fusion` keys, log-loss and the error rates at the floor and the threshold (cross-validated
by group), and a calibration table. Deterministic; needs numpy only.
"""

import argparse
import json
import re
from pathlib import Path

import numpy as np

NAMES = ["motion", "moving_box", "still_box", "persistence", "upheaval", "silence"]
SIGNS = np.array([1, 1, 1, 1, 1, -1])
# The defaults of `Fusion` in src/vision/fuse.rs, the bias last.
DEFAULT = np.array([1.6, 0.9, 1.6, 0.5, 5.0, -2.0, -7.8])
# How far a weight may plausibly lie from its default: half of it; the bias follows the weights.
SPREAD = np.append(np.abs(DEFAULT[:-1]) / 2, 4.0)
FLOOR, THRESHOLD = 0.25, 0.75


def read(path):
    with open(path) as lines:
        bursts = [json.loads(line) for line in lines if line.strip()]
    clues = np.array([[b["clues"][name] for name in NAMES] + [1.0] for b in bursts])
    alive = np.array([float(b["alive"]) for b in bursts])
    groups = np.array([str(b.get("group", i)) for i, b in enumerate(bursts)])
    return clues, alive, groups


def probability(clues, weights):
    return 1 / (1 + np.exp(-np.clip(clues @ weights, -40, 40)))


def clamp(weights):
    """The nearest weights with the right signs."""
    signed = weights.copy()
    signed[:-1] = SIGNS * np.maximum(SIGNS * weights[:-1], 0)
    return signed


def fit(clues, alive, prior, steps=20000, rate=0.05):
    """Projected gradient descent on the mean negative log posterior, in units of each weight's spread."""
    n = len(alive)
    weights = DEFAULT.copy()
    momentum = np.zeros_like(weights)
    for _ in range(steps):
        slope = clues.T @ (probability(clues, weights) - alive) / n
        slope += prior / n * (weights - DEFAULT) / SPREAD**2
        momentum = 0.9 * momentum - rate * SPREAD**2 * slope
        stepped = clamp(weights + momentum)
        if np.abs(stepped - weights).max() < 1e-7:
            break
        momentum, weights = stepped - weights, stepped
    return weights


def log_loss(p, alive):
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return -np.mean(alive * np.log(p) + (1 - alive) * np.log(1 - p))


def report(title, p, alive):
    lost, dropped = np.mean(p[alive == 1] < FLOOR), np.mean(p[alive == 0] < FLOOR)
    alarms, seen = np.mean(p[alive == 0] >= THRESHOLD), np.mean(p[alive == 1] >= THRESHOLD)
    print(
        f"# {title}: log-loss {log_loss(p, alive):.3f}; alive called empty {lost:.1%}, empties dropped {dropped:.1%}; "
        f"alive seen {seen:.1%}, false sightings {alarms:.1%}"
    )


def cross_validated(clues, alive, groups, prior, folds):
    names = sorted(set(groups))
    fold_of = {name: i % folds for i, name in enumerate(names)}
    fold = np.array([fold_of[g] for g in groups])
    p = np.zeros(len(alive))
    for i in range(folds):
        held = fold == i
        if held.any() and (~held).any():
            p[held] = probability(clues[held], fit(clues[~held], alive[~held], prior))
    return p


def write(manifest, weights):
    """Puts the weights into a detector's manifest: they hold for that detector."""
    kept = re.sub(r"\n\[fusion\][^\[]*", "\n", manifest.read_text()).rstrip() + "\n"
    rows = [
        f"{name} = {value:.2f}" for name, value in zip(["bias", *NAMES], [weights[-1], *weights[:-1]], strict=False)
    ]
    told = "# Fitted on bursts of the bench world by models/recipes/fit_fusion.py."
    manifest.write_text(f"{kept}\n[fusion]\n{told}\n" + "\n".join(rows) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clues")
    parser.add_argument("--prior", type=float, default=30.0, help="bursts that the defaults are worth")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--manifest", type=Path, help="detector manifest whose [fusion] section to write anew")
    args = parser.parse_args()
    clues, alive, groups = read(args.clues)
    print(f"# {len(alive)} bursts, {int(alive.sum())} alive, {len(set(groups))} groups")
    report("defaults", probability(clues, DEFAULT), alive)
    p = cross_validated(clues, alive, groups, args.prior, args.folds)
    report("fitted, on groups not fitted on", p, alive)
    for low in np.arange(0, 1, 0.2):
        within = (p >= low) & (p < low + 0.2 + (low > 0.7))
        if within.any():
            print(f"#   said {low:.1f} to {low + 0.2:.1f}: alive {alive[within].mean():.2f} of {within.sum()}")
    weights = fit(clues, alive, args.prior)
    for name, value, default in zip(NAMES, weights, DEFAULT, strict=False):
        far = "   # more than half from its default" if abs(value - default) > abs(default) / 2 else ""
        print(f"weights.{name} = {value:.2f}{far}")
    print(f"bias = {weights[-1]:.2f}")
    if args.manifest:
        write(args.manifest, weights)


if __name__ == "__main__":
    main()
