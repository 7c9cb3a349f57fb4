"""What DeepFaune 1.4.1, SpeciesNet and MegaDetector decide on random outputs of their networks, for tests/decisions.rs.

Written from their published algorithms and constants (ratsakatika/deepfaune-fcc b00f53f, google/cameratrapai 6520b836,
agentmorris/MegaDetector 136e1e38), and shares nothing with Trapline's own code: another language, 64-bit numbers,
dictionaries of labels instead of trees. Standard library only. Prints one JSON object: the labels and the cases, each
with the answer and with `margin`, the least distance of any compared number from what it was compared with.
"""

import csv
import json
import math
import random
import sys

NONE = 1e9


class Scales:
    """Comparisons that remember how close they were."""

    def __init__(self):
        self.margin = NONE

    def over(self, value, limit):
        self.margin = min(self.margin, abs(value - limit))
        return value > limit

    def reaches(self, value, limit):
        self.margin = min(self.margin, abs(value - limit))
        return value >= limit

    def first_of(self, values):
        """Index of the largest; how far ahead it is counts as a comparison."""
        order = sorted(range(len(values)), key=lambda i: -values[i])
        if len(order) > 1:
            self.margin = min(self.margin, values[order[0]] - values[order[1]])
        return order[0]


def softmax(numbers):
    top = max(numbers)
    parts = [math.exp(n - top) for n in numbers]
    return [p / sum(parts) for p in parts]


def deepfaune(frames, names, allowed, scales, detector, threshold):
    """The label of a sequence, its score, and the best class."""
    images = []
    for boxes in frames:
        boxes = [b for b in boxes if scales.reaches(b["score"], detector)]
        animals = [b for b in boxes if b["kind"] == "animal"]
        images.append(max(animals or boxes, key=lambda b: b["score"], default=None))
    kinds = ["empty" if b is None else b["kind"] for b in images]
    if all(kind == "empty" for kind in kinds):
        return {"label": "empty", "score": 1.0, "top1": None}
    rows = [b["logits"] for b in images if b is not None and b["kind"] == "animal"]
    if not rows:
        people, vehicles = kinds.count("person"), kinds.count("vehicle")
        return {"label": "person" if people >= vehicles else "vehicle", "score": 1.0, "top1": None}
    columns = [i for i in range(len(names)) if names[i] in allowed]
    mean = [sum(row[i] for row in rows) / len(rows) for i in columns]
    temperature = 1.10 if len(rows) == 1 else 1.04
    p = softmax([m / temperature for m in mean])
    best = scales.first_of(p)
    hundredths = math.floor(p[best] * 100)
    # Cutting to two decimals is a comparison with the hundredths on both sides.
    scales.margin = min(scales.margin, p[best] - hundredths / 100, (hundredths + 1) / 100 - p[best])
    score, name = hundredths / 100, names[columns[best]]
    named = hundredths >= round(threshold * 100)
    return {"label": name if named else "undefined", "score": score, "top1": name}


def ancestor(label, level):
    """`label` is a dictionary of ranks. The name at `level`, or None."""
    if level == "kingdom":
        return "Animalia" if label["class"] else None
    return label[level] or None


def roll_up(top, levels, over, forbidden):
    for level in levels:
        sums = {}
        for label, p in top:
            name = ancestor(label, level)
            if name:
                sums[name] = sums.get(name, 0.0) + p
        permitted = {name: s for name, s in sums.items() if not forbidden(name, level)}
        if permitted:
            best = max(permitted, key=permitted.get)
            others = [s for name, s in permitted.items() if name != best]
            if over(permitted[best]):
                return best, permitted[best], level, permitted[best] - max(others, default=-NONE)
    return None


def speciesnet(boxes, labels, blocked, scales):
    """The answer for one photo: label, score, source."""
    best = max(boxes, key=lambda b: b["score"])
    kind, d = best["kind"], best["score"]
    p = softmax(best["logits"])
    order = sorted(range(len(p)), key=lambda i: -p[i])
    # Which five are the best, and which of them is the first, hangs on the logits' order alone.
    ahead = [best["logits"][order[i]] - best["logits"][order[i + 1]] for i in (0, 4)]
    scales.margin = min(scales.margin, *ahead)
    top = [(labels[i], p[i]) for i in order[:5]]
    name, c = top[0][0]["label"], top[0][1]

    alive = [entry for entry in labels if entry["class"] and entry["scientific"] not in blocked]

    def forbidden(taxon, level):
        return level != "kingdom" and not any(taxon == entry[level] for entry in alive)

    def answer(label, score, source):
        return {"label": label, "score": score, "source": source}

    over = scales.over
    if kind == "person":
        if over(d, 0.7):
            return answer("human", d, "detector")
        if over(d, 0.2) and name in ("human", "vehicle") and over(c, 0.5):
            return answer("human", c, "classifier")
    if kind == "vehicle":
        if over(d, 0.2) and name == "human" and over(c, 0.5):
            return answer("human", c, "classifier")
        if over(d, 0.7):
            return answer("vehicle", d, "detector")
        if over(d, 0.2) and name == "vehicle" and over(c, 0.4):
            return answer("vehicle", c, "classifier")
    if name == "blank":
        if not over(d, 0.2) and over(c, 0.5):
            return answer("blank", c, "classifier")
        if over(c, 0.99):
            return answer("blank", c, "classifier")
    elif name not in ("human", "vehicle"):
        if over(c, 0.8) or (over(c, 0.65) and kind == "animal" and over(d, 0.2)):
            if top[0][0]["scientific"] not in blocked:
                return answer(top[0][0]["scientific"], c, "classifier")
            # Sums are made of the same numbers as c, so `at least c` is exact up to rounding: the margin is that to c
            # where something was added and none where nothing was.
            up = roll_up(top, ["family", "order", "class", "kingdom"], lambda s: s > c - 1e-10, forbidden)
            if up is None:
                return answer("unknown", c, "classifier+geofence+rollup_failed")
            scales.margin = min(scales.margin, up[3])
            return answer(up[0], up[1], "classifier+geofence+rollup_to_" + up[2])
    levels = ["genus", "family", "order", "class", "kingdom"]
    up = roll_up(top, levels, lambda s: over(s, 0.65), forbidden)
    if up is not None:
        scales.margin = min(scales.margin, up[3])
        return answer(up[0], up[1], "classifier+rollup_to_" + up[2])
    if kind == "animal" and over(d, 0.5):
        return answer("Animalia", d, "detector")
    return answer("unknown", c, "classifier")


def megadetector(frames, threshold, scales):
    """The categories that reach the threshold on any photo, with their best score and largest number."""
    seen = {}
    for boxes in frames:
        counts = {}
        for b in boxes:
            if scales.reaches(b["score"], threshold):
                counts[b["kind"]] = counts.get(b["kind"], 0) + 1
                score, most = seen.get(b["kind"], (0.0, 0))
                seen[b["kind"]] = (max(score, b["score"]), most)
        for kind, n in counts.items():
            seen[kind] = (seen[kind][0], max(seen[kind][1], n))
    return {kind: {"score": s, "count": n} for kind, (s, n) in seen.items()}


def random_logits(dice, width, peak):
    """Noise, and one to three classes that stand out by up to `peak`."""
    logits = [dice.gauss(0.0, 1.0) for _ in range(width)]
    for _ in range(dice.randint(1, 3)):
        logits[dice.randrange(width)] += dice.uniform(0.0, peak)
    return logits


def random_boxes(dice, width, most, peak):
    kinds = ["animal", "animal", "animal", "person", "vehicle"]
    return [
        {"kind": dice.choice(kinds), "score": dice.uniform(0.01, 1.0), "logits": random_logits(dice, width, peak)}
        for _ in range(dice.randint(0, most))
    ]


def tree(dice):
    """Labels of an invented fauna, with SpeciesNet's three that are no animals."""
    labels = []
    for c in range(2):
        for o in range(2):
            for f in range(2):
                for g in range(2):
                    ranks = {"class": f"Classis{c}", "order": f"Ordo{c}{o}", "family": f"Familia{c}{o}{f}"}
                    genus = f"Genus{c}{o}{f}{g}"
                    for s in range(dice.randint(1, 3)):
                        name = f"{genus} species{'abc'[s]}"
                        labels.append({"label": name.lower(), "scientific": name, "rank": "species", **ranks, "genus": genus})
                    if dice.random() < 0.3:
                        labels.append({"label": genus.lower(), "scientific": genus, "rank": "genus", **ranks, "genus": genus})
                if dice.random() < 0.3:
                    name = ranks["family"]
                    labels.append({"label": name.lower(), "scientific": name, "rank": "family", **ranks, "genus": ""})
    nothing = dict.fromkeys(["scientific", "rank", "class", "order", "family", "genus"], "")
    labels.append({"label": "human", "scientific": "Homo sapiens", "rank": "species", "class": "Classis0",
                   "order": "Primates", "family": "Hominidae", "genus": "Homo"})  # fmt: skip
    labels += [{"label": "blank", **nothing}, {"label": "vehicle", **nothing}]
    dice.shuffle(labels)
    return labels


def main():
    names_file = sys.argv[1]
    dice = random.Random(20260117)
    with open(names_file, newline="", encoding="utf-8") as file:
        fauna = [row["label"] for row in csv.DictReader(file)]
    out = {"deepfaune": [], "speciesnet": [], "megadetector": []}

    for number in range(600):
        frames = [random_boxes(dice, len(fauna), 3, 9.0) for _ in range(dice.randint(1, 6))]
        if number % 10 == 0:
            for boxes in frames:
                boxes[:] = [b for b in boxes if b["kind"] != "animal"]
        allowed = fauna if number % 2 else dice.sample(fauna, 20)
        scales = Scales()
        want = deepfaune(frames, fauna, allowed, scales, 0.5, 0.8)
        out["deepfaune"].append({"frames": frames, "allowed": allowed, "want": want, "margin": scales.margin})

    labels = tree(dice)
    animals = [entry["scientific"] for entry in labels if entry["rank"] == "species" and entry["label"] != "human"]
    out["labels"] = labels
    for number in range(2000):
        boxes = []
        while not boxes:
            boxes = random_boxes(dice, len(labels), 2, 9.0)
        blocked = dice.sample(animals, 8) if number % 2 else []
        special = [i for i, entry in enumerate(labels) if entry["label"] in ("human", "blank", "vehicle")]
        if number % 3 == 0:
            for b in boxes:
                b["logits"][dice.choice(special)] += dice.uniform(3.0, 10.0)
        scales = Scales()
        want = speciesnet(boxes, labels, set(blocked), scales)
        out["speciesnet"].append({"frames": [boxes], "blocked": blocked, "want": want, "margin": scales.margin})

    for _ in range(300):
        threshold = dice.choice([0.2, 0.05, 0.3, 0.8])
        frames = [random_boxes(dice, 0 + 1, 4, 1.0) for _ in range(dice.randint(1, 5))]
        scales = Scales()
        want = megadetector(frames, threshold, scales)
        out["megadetector"].append({"frames": frames, "threshold": threshold, "want": want, "margin": scales.margin})
    json.dump(out, sys.stdout)


main()
