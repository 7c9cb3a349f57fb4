"""What each remedy against a long tail is worth, on the bench world: a table and a figure for docs/training.md.

    python models/recipes/remedies.py --train world-train… --test world-test --work target/remedies --figure docs/training.svg

Both folders are data sets of `trapline world` with different seeds, so that they share no site. From TRAIN a long tail is
drawn: the species that is commonest there keeps --most animals, the rarest --fewest, the others lie between in equal
ratios, whole bursts at a time. Some of its sites (`HELD`) are kept to fit the temperature on. Every plan of `plans.py` trains
the same small network from random weights on the same examples, with every seed; the test is on all of TEST. Results are
kept in WORK and not made again.

`--pretrain STEPS` shows transfer learning: every second species is none of the tail, and the network learns first to tell
those apart (balanced, from all their animals on the sites of training). Every plan is shown from random weights, from the
weights so learnt (the trunk learns at a fifth of the rate, as in learn.py), and with these frozen but for the last layer.
"""

import argparse
import json
import random
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

import decide
import fitting
import pictures
import plans
import sources
import tails
from blocks import seeded
from classifier import Classifier

HELD = 20  # sites to fit the temperature on, or a quarter where there are fewer than 80
COLOURS = {"rarest": "#b3261e", "middle": "#a67c00", "commonest": "#1f6f54"}


def batched(network: torch.nn.Module, views: list, recipe: fitting.Recipe) -> np.ndarray:
    """Logits of the trap's crops."""
    with torch.inference_mode():
        parts = [
            network(torch.from_numpy(fitting.plain(views[i : i + 128], recipe))).numpy()
            for i in range(0, len(views), 128)
        ]
    return np.concatenate(parts)


def recalls(logits: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Of each class; NaN where the test has none."""
    right = logits.argmax(1) == labels
    return np.array([right[labels == k].mean() if (labels == k).any() else np.nan for k in range(classes)])


OTHERS, FROZEN = " from others", " from others, frozen"


def one(row: str, seed: int, args, sets: dict, classes: int) -> dict:
    """Logits of one training, made or found. `row`: a plan, with `OTHERS` or `FROZEN` after it where it begins there."""
    file = args.work / f"{row.replace('+', '-').replace(', ', '-').replace(' ', '-')}-{seed}.npz"
    if not file.exists():
        plan = row.split(" ")[0]
        learnt = pretrained(seed, args, sets["others"]) if row != plan else None
        seeded(seed, args.threads)
        network = Classifier(classes)
        if learnt is not None:
            network.body.load_state_dict(learnt)
        recipe = fitting.Recipe(plan=plan, steps=args.steps, size=args.size, seed=seed, device=args.device)
        recipe.slower, recipe.frozen = 1.0 if learnt is None else 0.2, row.endswith(FROZEN)
        began = time.process_time()
        fitting.train(network, *sets["train"], classes, recipe, lambda line: print(row, seed, line, flush=True))
        np.savez(
            file, check=batched(network, sets["check"][0], recipe), test=batched(network, sets["test"][0], recipe),
            minutes=recipe.facts["minutes"], cpu=time.process_time() - began, shown=recipe.facts["shown"],
        )  # fmt: skip
    return dict(np.load(file))


def pretrained(seed: int, args, others: tuple) -> dict:
    """The trunk's weights of a network that tells the other species apart, made or found."""
    file = args.work / f"others-{seed}.pt"
    if not file.exists():
        seeded(seed, args.threads)
        classes = int(others[1].max()) + 1
        network = Classifier(classes)
        recipe = fitting.Recipe(steps=args.pretrain, size=args.size, seed=seed, device=args.device)
        fitting.train(network, *others, classes, recipe, lambda line: print("others", seed, line, flush=True))
        torch.save(network.body.state_dict(), file)
    return torch.load(file, weights_only=True)


def curves(results: list[dict], check, test, groups: dict) -> dict:
    """Temperature and the accuracy-coverage curve before and after, on means over bursts; all seeds together."""
    out = {"temperature": [], "single": [], "nll": [], "ece": [], "before": ([], []), "after": ([], [])}
    for r in results:
        cm, cl = decide.means(r["check"], check[1], groups["check"])
        tm, tl = decide.means(r["test"], test[1], groups["test"])
        t = decide.temperature(cm, cl)
        out["temperature"].append(t)
        out["single"].append(decide.temperature(r["check"], check[1]))
        out["nll"].append([decide.nll(tm, tl), decide.nll(tm, tl, t)])
        before, after = decide.softmax(tm), decide.softmax(tm, t)
        out["ece"].append([decide.calibration(before, tl), decide.calibration(after, tl)])
        for name, p in (("before", before), ("after", after)):
            out[name][0].append(p)
            out[name][1].append(tl)
    for name in ("before", "after"):
        p, labels = np.concatenate(out[name][0]), np.concatenate(out[name][1])
        coverage, accuracy = decide.curve(p, labels)
        at = []
        for t in (0.5, 0.7, 0.8, 0.9, 0.95):
            above = p.max(1) >= t
            at.append([t, float(above.mean()), float((p.argmax(1) == labels)[above].mean()) if above.any() else None])
        out[name] = {"coverage": coverage.tolist(), "accuracy": accuracy.tolist(), "at": at}
    return out


def figure(rows: dict, curve: dict, title: str) -> str:
    """Two panels as SVG: recall by plan, accuracy against coverage."""
    text = 'font-family="sans-serif" font-size="12" fill="#222"'
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 380" role="img">', "<title>Remedies and calibration</title>",
           '<rect width="900" height="380" fill="#fff"/>', f'<text x="20" y="24" {text} font-weight="bold">Recall on sites never seen</text>']  # fmt: skip
    left, top, wide, high = 150, 50, 270, 270
    for i in range(0, 101, 20):
        x = left + wide * i / 100
        out += [
            f'<path d="M{x:.1f} {top}v{high}" stroke="#ddd"/>',
            f'<text x="{x:.1f}" y="{top + high + 18}" {text} text-anchor="middle">{i} %</text>',
        ]
    for n, (plan, row) in enumerate(rows.items()):
        y = top + high * (n + 0.5) / len(rows)
        out.append(f'<text x="{left - 10}" y="{y + 4:.1f}" {text} text-anchor="end">{plan}</text>')
        for part, colour in COLOURS.items():
            each = row["parts"][part]
            mean = sum(each) / len(each)
            out.append(
                f'<path d="M{left + wide * min(each):.1f} {y:.1f}H{left + wide * max(each):.1f}" stroke="{colour}" stroke-width="2"/>'
            )
            out.append(f'<circle cx="{left + wide * mean:.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>')
    for n, (part, colour) in enumerate(COLOURS.items()):
        out.append(f'<circle cx="{left + 5 + n * 95}" cy="{top + high + 40}" r="5" fill="{colour}"/>')
        out.append(f'<text x="{left + 15 + n * 95}" y="{top + high + 44}" {text}>{part}</text>')
    left, wide = 530, 340
    out.append(f'<text x="{left - 40}" y="24" {text} font-weight="bold">Accuracy against coverage, {title}</text>')
    shown = [
        a
        for n in ("before", "after")
        for c, a in zip(curve[n]["coverage"], curve[n]["accuracy"], strict=True)
        if c >= 0.03
    ]
    low = min(0.8, *shown) // 0.1 / 10
    for i in range(6):
        y, value = top + high * i / 5, 1 - (1 - low) * i / 5
        x = left + wide * i / 5
        out += [f'<path d="M{left} {y:.1f}h{wide}" stroke="#ddd"/>', f'<text x="{left - 6}" y="{y + 4:.1f}" {text} text-anchor="end">{100 * value:.0f} %</text>',
                f'<text x="{x:.1f}" y="{top + high + 18}" {text} text-anchor="middle">{20 * i} %</text>']  # fmt: skip
    place = lambda c, a: f"{left + wide * c:.1f} {top + high * (1 - a) / (1 - low):.1f}"
    for name, colour, dash in (("before", "#777", "5 4"), ("after", "#1a4f9c", "none")):
        points = list(zip(curve[name]["coverage"], curve[name]["accuracy"], strict=True))
        points = points[:: max(1, len(points) // 300)] + points[-1:]
        path = "M" + " L".join(place(c, a) for c, a in points if c >= 0.03)
        out.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>')
        for t, c, a in curve[name]["at"]:
            if a is not None and t in (0.8, 0.9):
                x, y = place(c, a).split()
                out.append(f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>')
                out.append(
                    f'<text x="{x}" y="{float(y) + (-9 if name == "after" else 18):.1f}" {text} text-anchor="middle">{t}</text>'
                )
    for n, (label, colour) in enumerate((("before", "#777"), ("after temperature; dots: scores", "#1a4f9c"))):
        out.append(f'<path d="M{left + n * 90} {top + high + 40}h20" stroke="{colour}" stroke-width="2"/>')
        out.append(f'<text x="{left + 26 + n * 90}" y="{top + high + 44}" {text}>{label}</text>')
    return "\n".join([*out, "</svg>", ""])


def table(rows: dict, counts: list[int], order: list[str]) -> list[str]:
    """The lines for the docs."""

    def told(values: list[float]) -> str:
        mean = sum(values) / len(values)
        spread = f" ({100 * min(values):.0f}-{100 * max(values):.0f})" if len(values) > 1 else ""
        return f"{100 * mean:.1f}{spread}"

    many = tails.thirds(len(order))["rarest"]
    n = {2: "two", 4: "four"}.get(many.stop - many.start, f"{many.stop - many.start}")
    lines = [
        f"| plan | {n} rarest | {n} in the middle | {n} commonest | all classes alike | accuracy | seeds |",
        "|---" * 7 + "|",
    ]
    for plan, row in rows.items():
        parts = " | ".join(told(row["parts"][p]) for p in COLOURS)
        lines.append(f"| `{plan}` | {parts} | {told(row['mean'])} | {told(row['accuracy'])} | {len(row['mean'])} |")
    lines += ["", "Examples: " + ", ".join(f"{name} {n}" for name, n in zip(order, counts, strict=True)) + "."]
    return lines


def gathered(args) -> tuple[list[str], dict, dict]:
    """The classes, commonest first, and of every part the bursts' numbers and `(views, labels)`."""
    everything = [e for folder in args.train for e in sources.read(folder).examples]
    sites = sorted({e.site for e in everything})
    random.Random(1).shuffle(sites)
    held = set(sites[: min(HELD, len(sites) // 4)])
    free = [e for e in everything if e.site not in held]
    order, others = tails.parted_species(free, bool(args.pretrain))
    kept = {
        "train": tails.tail(free, order, args.most, args.fewest, seed=1),
        "check": [e for e in everything if e.site in held],
        "test": sources.read(args.test).examples,
    }
    groups, sets = {}, {}
    for name, examples in kept.items():
        sets[name], groups[name] = taken([e for e in examples if e.label in order], order, args, name)
    if others:
        sets["others"], _ = taken([e for e in free if e.label in others], others, args, f"others ({', '.join(others)})")
    return order, groups, sets


def taken(examples: list, order: list[str], args, name: str) -> tuple[tuple[list, np.ndarray], np.ndarray]:
    """Views and labels of a part, and the numbers of its bursts; tells how much it is."""
    burst = np.unique([e.sequence for e in examples], return_inverse=True)[1]
    print(
        f"{name}: {len(examples)} animals of {len({e.site for e in examples})} sites in {len(set(burst))} bursts",
        flush=True,
    )
    return (
        pictures.views(examples, args.size, 1.2, lambda _: None),
        np.array([order.index(e.label) for e in examples]),
    ), burst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--train", type=Path, nargs="+", required=True)
    add("--test", type=Path, required=True)
    add("--work", type=Path, required=True)
    add("--figure", type=Path, help="SVG to write")
    add("--plans", nargs="+", default=list(plans.NAMES))
    add("--seeds", type=int, nargs="+", default=[1, 2, 3])
    add("--most", type=int, default=300)
    add("--fewest", type=int, default=8)
    add("--steps", type=int, default=300)
    add("--size", type=int, default=64)
    add(
        "--pretrain",
        type=int,
        default=0,
        help="batches on other species first, for rows that begin there [0: no such rows]",
    )
    add("--threads", type=int, default=1)
    add("--device", default="cpu")
    add("--of", default="balanced", help="plan whose curve is drawn")
    add("--curves", type=Path, help="results.json of another run whose curve is drawn (a longer training)")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    order, groups, sets = gathered(args)
    parts = tails.thirds(len(order))
    shown = [plan + begun for begun in (("", OTHERS, FROZEN) if args.pretrain else ("",)) for plan in args.plans]
    rows, results = {}, defaultdict(list)
    for seed in args.seeds:
        for plan in shown:
            r = one(plan, seed, args, sets, len(order))
            results[plan].append(r)
            each = recalls(r["test"], sets["test"][1], len(order))
            row = rows.setdefault(plan, {"parts": {p: [] for p in parts}, "mean": [], "accuracy": [], "recalls": []})
            for part, where in parts.items():
                row["parts"][part].append(float(np.nanmean(each[where])))
            row["mean"].append(float(np.nanmean(each)))
            row["accuracy"].append(float((r["test"].argmax(1) == sets["test"][1]).mean()))
            row["recalls"].append(each.tolist())
    curve = {plan: curves(results[plan], sets["check"], sets["test"], groups) for plan in rows}
    counts = [int((sets["train"][1] == k).sum()) for k in range(len(order))]
    for line in table(rows, counts, order):
        print(line)
    for plan, c in curve.items():
        print(f"\n{plan}: temperature over bursts {[round(t, 3) for t in c['temperature']]}, single {[round(t, 3) for t in c['single']]}, "
              f"NLL {np.mean(c['nll'], 0).round(3).tolist()}, ECE {np.mean(c['ece'], 0).round(3).tolist()}")  # fmt: skip
        for name in ("before", "after"):
            print(
                name,
                [(t, round(100 * cov, 1), None if a is None else round(100 * a, 1)) for t, cov, a in c[name]["at"]],
            )
    each = {k: [float(r[k]) for all_ in results.values() for r in all_] for k in ("minutes", "cpu")}
    print(f"\n{len(each['cpu'])} trainings, {min(each['minutes']):.1f} to {max(each['minutes']):.1f} minutes and "
          f"{min(each['cpu']):.0f} to {max(each['cpu']):.0f} s of processor time each")  # fmt: skip
    (args.work / "results.json").write_text(
        json.dumps({"rows": rows, "order": order, "counts": counts, "curves": curve}, indent=1)
    )
    if args.figure:
        drawn = json.loads(args.curves.read_text())["curves"] if args.curves else curve
        args.figure.write_text(figure(rows, drawn[args.of], args.of + (", the longer training" if args.curves else "")))


if __name__ == "__main__":
    main()
