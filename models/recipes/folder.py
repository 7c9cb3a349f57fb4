"""An own network's folder: what was measured, manifest, labels, thresholds, model card, all written by the program."""

import hashlib
import json
from pathlib import Path

import numpy as np

import decide
import taxonomy

MANIFEST = """\
# Trained by models/recipes/learn.py. What it knows and what it is worth: README.md.
role = "classifier"
name = {name}
version = {version}
file = {file}
sha256 = "{sha256}"
licence = {licence}
source = "models/recipes/learn.py"
temperature = {temperature}
labels = {{ file = "labels.csv" }}

[input]
name = "images"
width = {size}
height = {size}
layout = "nchw"
colour = "rgb"
dtype = "f32"
scale = 0.00392156862745098 # pixels as 0..1

[input.resize]
rule = "square"
margin = {margin}

[output]
name = "logits"
decode = "logits"
"""
AT = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)  # thresholds that the card tells of


def groups(examples: list) -> np.ndarray:
    """Numbers of the sequences of examples; one without a sequence is its own."""
    names = [e.sequence or f"{e.file}" for e in examples]
    return np.unique(names, return_inverse=True)[1]


def measured(answers: dict, sets: dict, labels: list[str], precision: float, recipe) -> dict:
    """Temperature and thresholds from the checking part, all else from the test."""
    (_, check, check_examples), (test_views, test, test_examples) = sets["check"], sets["test"]
    own = answers["int8"]
    means = {
        "check": decide.means(own["check"], check, groups(check_examples)),
        "test": decide.means(own["test"], test, groups(test_examples)),
    }
    single = decide.temperature(own["check"], check)
    burst = decide.temperature(*means["check"])
    # The trap averages an animal over its burst, so the manifest has the temperature of means where there are some.
    several = len(means["check"][1]) < 0.75 * len(check)
    chosen = round(burst if several else single, 3)
    found = decide.thresholds(decide.softmax(means["check"][0], chosen), means["check"][1], precision)
    facts = {"temperature": chosen, "of": "means over sequences" if several else "single crops", "wanted": precision}
    facts |= {"temperature_single": single, "temperature_sequence": burst, "parts": {}}
    for what, logits, truth in (("single crops", own["test"], test), ("means over sequences", *means["test"])):
        right = logits.argmax(1) == truth
        before, after = decide.softmax(logits), decide.softmax(logits, chosen)
        facts["parts"][what] = {
            "count": len(truth), "accuracy": float(right.mean()),
            "mean_recall": float(np.mean([right[truth == k].mean() for k in np.unique(truth)])),
            "nll": [decide.nll(logits, truth), decide.nll(logits, truth, chosen)],
            "ece": [decide.calibration(before, truth), decide.calibration(after, truth)],
            "at": [
                [t, *(x for p in (before, after) for x in answered(p, truth, t))] for t in AT
            ],
        }  # fmt: skip
    facts["accuracy_f32"] = float((answers["f32"]["test"].argmax(1) == test).mean())
    dark = np.array([v.infrared for v in test_views])
    right = own["test"].argmax(1) == test
    facts["light"] = {
        name: [int(m.sum()), float(right[m].mean())] for name, m in (("day", ~dark), ("infrared", dark)) if m.any()
    }
    logits, truth = means["test"]
    p = decide.softmax(logits, chosen)
    said, sure = p.argmax(1), p.max(1)
    facts["classes"] = []
    for k, label in enumerate(labels):
        t = found[k]
        above = (said == k) & (sure >= (t.score if t.score is not None else 2.0))
        facts["classes"].append({
            "label": label, "train": int((sets["train"][1] == k).sum()), "check": t.examples, "test": int((truth == k).sum()),
            "recall": share((said == k) & (truth == k), truth == k), "precision": share((said == k) & (truth == k), said == k),
            "threshold": t.score, "sure": t.sure, "check_precision": t.precision, "at_least": t.at_least, "answers": t.answers, "said": t.said,
            "test_precision": share(above & (truth == k), above), "test_recall": share(above & (truth == k), truth == k),
        })  # fmt: skip
    confusion = np.zeros((len(labels), len(labels)), int)
    np.add.at(confusion, (truth, said), 1)
    return facts | {"confusion": confusion.tolist()}


def share(part: np.ndarray, whole: np.ndarray) -> float | None:
    return float(part.sum() / whole.sum()) if whole.any() else None


def answered(p: np.ndarray, truth: np.ndarray, threshold: float) -> tuple[float, float | None]:
    """Coverage and accuracy at a threshold."""
    above = p.max(1) >= threshold
    return float(above.mean()), share(above & (p.argmax(1) == truth), above)


def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def write(args, facts: dict, rows: list[dict], labels: list[str], sets: dict, recipe, parted, begun: str) -> None:
    """Writes all but the network, which lies there."""
    out: Path = args.out
    network = out / f"{out.name}.onnx"
    (out / "manifest.toml").write_text(MANIFEST.format(
        name=json.dumps(out.name), version=json.dumps(args.version), file=json.dumps(network.name), licence=json.dumps(args.licence),
        sha256=hashlib.sha256(network.read_bytes()).hexdigest(), temperature=facts["temperature"], size=recipe.size,
        margin=round(recipe.margin - 1.0, 3),
    ), encoding="utf-8")  # fmt: skip
    taxonomy.write(rows, out / "labels.csv")
    (out / "thresholds.txt").write_text(thresholds(facts, rows), encoding="utf-8")
    (out / "README.md").write_text(card(args, facts, rows, sets, recipe, parted, begun, network), encoding="utf-8")
    (out / "measured.json").write_text(json.dumps(facts | {"training": recipe.facts}, indent=1), encoding="utf-8")


def thresholds(facts: dict, rows: list[dict]) -> str:
    """The lines for a trap's configuration."""
    lines = [
        f"# For the configuration of a trap: scores from which a species is named with a precision of {facts['wanted']:g},",
        "# counted on the checking part. Below, the answer rolls up to genus, family, order. Species without a line keep the default.",
        "[thresholds.per_species]",
    ]
    for row, found in zip(rows, facts["classes"], strict=True):
        if not row["scientific"]:
            continue
        counted = (
            f"{found['check_precision']:.2f} on {found['answers']} answers, at least {found['at_least']:.2f} (90 %)"
        )
        if found["threshold"] is None and found["said"] < decide.FEWEST:
            lines.append(
                f"# {json.dumps(row['scientific'])}: said of {found['said']} sequences of the checking part, too few to tell"
            )
        elif found["threshold"] is None:
            lines.append(
                f"# {json.dumps(row['scientific'])}: no score reaches it on {found['said']} answers; never named"
            )
            lines.append(f"{json.dumps(row['scientific'])} = 1.0")
        else:
            warn = "" if found["sure"] else "; too few to be sure"
            lines.append(f"{json.dumps(row['scientific'])} = {max(found['threshold'], 0.0):.4f} # {counted}{warn}")
    return "\n".join([*lines, ""])


def rounded(training: dict) -> str:
    """A sentence on the batches with rounded numbers, where there were some."""
    if "qat" not in training:
        return ""
    what = "weights and activations" if training["qat"]["in_bytes"] else "weights"
    return f"\nThen {training['qat']['steps']} batches with {what} rounded as in the file, {training['qat']['minutes']:.1f} minutes."


def card(args, facts: dict, rows: list[dict], sets: dict, recipe, parted, begun: str, network: Path) -> str:
    """The model card."""
    one, mean = facts["parts"]["single crops"], facts["parts"]["means over sequences"]
    names = [r["english"] or r["label"] for r in rows]
    sites = {part: len({e.site for e in sets[part][2] if e.site}) for part in sets}
    told = "\n".join(f"- {n}" for n in parted.notes) or "- nothing"
    classes = "\n".join(
        f"| {name} | {c['train']} | {c['check']} | {c['test']} | {percent(c['recall'])} | {percent(c['precision'])} | "
        + (f"{c['threshold']:.3f}{'' if c['sure'] else ' ?'}" if c["threshold"] is not None else "none")
        + f" | {percent(c['test_precision'])} | {percent(c['test_recall'])} |"
        for name, c in zip(names, facts["classes"], strict=True)
    )
    at = "\n".join(
        f"| {t} | {percent(c0)} | {percent(a0)} | {percent(c1)} | {percent(a1)} |" for t, c0, a0, c1, a1 in mean["at"]
    )
    head = "| true \\ said | " + " | ".join(names) + " |\n" + "|---" * (len(names) + 1) + "|"
    body = "\n".join(
        f"| {n} | " + " | ".join(str(v or "·") for v in row) + " |"
        for n, row in zip(names, facts["confusion"], strict=True)
    )
    light = ", ".join(f"{name} {percent(a)} of {n}" for name, (n, a) in facts["light"].items())
    f = recipe.facts
    return f"""\
# {args.out.name}

Names {len(names)} classes: {", ".join(names)}. Input: the square around a box, a fifth larger than its longer side, clipped to the
picture, {recipe.size}×{recipe.size} RGB in 0..1; output `[1, {len(names)}]` logits. {network.stat().st_size:,} bytes, int8 weights. Licence of the weights: {args.licence}.

It knows the places and the light of its photos. On a new site, in another season or with another camera it does worse than
here; whatever is no class of it, it takes for one that is.

## How it was made
`models/recipes/learn.py` on {", ".join(p.name for p in args.photos)}: {begun}. Plan `{recipe.plan}`, {f["steps"]} batches of {recipe.batch} in {f["epochs"]} epochs,
{f["minutes"]:.1f} minutes on {recipe.device}, seed {recipe.seed}, {percent(recipe.infrared)} of the day pictures shown as if by night.{rounded(f)}

Parted by {parted.by}: {", ".join(f"{len(sets[p][1])} crops of {sites[p]} sites to {p}" for p in sets)}. What was told:

{told}

## Measured
On the test part, by the shipped int8 file. As the trap does it, logits are averaged over a sequence:

| | count | accuracy | mean recall of the classes | NLL before, after | calibration error before, after |
|---|---|---|---|---|---|
| single crops | {one["count"]} | {percent(one["accuracy"])} (f32 {percent(facts["accuracy_f32"])}) | {percent(one["mean_recall"])} | {one["nll"][0]:.3f}, {one["nll"][1]:.3f} | {one["ece"][0]:.3f}, {one["ece"][1]:.3f} |
| means over sequences | {mean["count"]} | {percent(mean["accuracy"])} | {percent(mean["mean_recall"])} | {mean["nll"][0]:.3f}, {mean["nll"][1]:.3f} | {mean["ece"][0]:.3f}, {mean["ece"][1]:.3f} |

Single crops by light: {light}. Temperature {facts["temperature"]}, fitted on {facts["of"]} of the checking part (single crops {facts["temperature_single"]:.3f},
sequences {facts["temperature_sequence"]:.3f}).

Share of the test sequences answered from a score on, and how many of the answers are right:

| score | before: answered | right | after: answered | right |
|---|---|---|---|---|
{at}

## Species
Crops to train on, sequences to check and test with. Recall and precision of the most probable class; the threshold is for a
precision of {facts["wanted"]:g} on the checking part (`?`: by count, its 90 % bound does not reach it; none: nothing does). `thresholds.txt`
has the lines for a trap's configuration.

| class | train | check | test | recall | precision | threshold | test precision above | test recall above |
|---|---|---|---|---|---|---|---|---|
{classes}

{head}
{body}
"""
