"""What telling individuals apart is worth, and what a similarity means: rank-1, mean average precision, known from
unknown. NumPy only: `trapline eval --individuals` is held against it.

The protocol, on crops that `trapline world DIR --individuals N` wrote (`individuals.jsonl`):

- An encounter is a question: the mean of the embeddings of its crops, each of length 1, brought to length 1.
- Of each species the individuals of even rank (sorted by number) are enrolled, by their first `ENROLLED` encounters of
  each flank. Their later encounters are the known questions; those encounters of the others that have the same rank in
  time are the unknown ones.
- The similarity to an individual is the largest cosine to an entry of the same species and the same flank (`flanks`),
  or of any flank.
"""

import json
from pathlib import Path

import numpy as np

FEWEST = 20  # answers a threshold must rest on: of fewer, 95 % right cannot be told from all right
ENROLLED = 2  # encounters of each flank of an individual that go into the gallery


def rows_of(folder: Path) -> list[dict]:
    """The crops of a set, with the path of each."""
    with open(folder / "individuals.jsonl") as lines:
        return [json.loads(line) | {"path": folder / json.loads(line)["file"]} for line in lines]


def unit(x: np.ndarray) -> np.ndarray:
    """Each row at length 1."""
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


def encounters(rows: list[dict], embeddings: np.ndarray) -> list[dict]:
    """One row an encounter, in the order of their numbers: who, which flank, the embedding of the question."""
    embeddings = unit(embeddings)
    of: dict[int, list[int]] = {}
    for at, row in enumerate(rows):
        of.setdefault(row["encounter"], []).append(at)
    keys = ("species", "individual", "flank", "encounter", "infrared")
    return [
        {k: rows[ats[0]][k] for k in keys} | {"embedding": unit(embeddings[ats].mean(0))}
        for _, ats in sorted(of.items())
    ]


def split(met: list[dict], enrolled: int = ENROLLED) -> tuple[list[dict], list[dict]]:
    """The gallery's entries, and the questions with `known`."""
    entries, questions = [], []
    for species in sorted({m["species"] for m in met}):
        here = [m for m in met if m["species"] == species]
        for rank, number in enumerate(sorted({m["individual"] for m in here})):
            for flank in ("left", "right"):
                times = [m for m in here if m["individual"] == number and m["flank"] == flank]
                if rank % 2 == 0:
                    entries += times[:enrolled]
                questions += [m | {"known": rank % 2 == 0} for m in times[enrolled:]]
    return entries, questions


def compared(question: dict, entries: list[dict], flanks: bool) -> tuple[np.ndarray, np.ndarray]:
    """Similarities to the entries that can be compared, and whose they are."""
    fits = [
        e for e in entries if e["species"] == question["species"] and (not flanks or e["flank"] == question["flank"])
    ]
    if not fits:
        return np.zeros(0), np.zeros(0, int)
    return np.stack([e["embedding"] for e in fits]) @ question["embedding"], np.array([e["individual"] for e in fits])


def best_of(similarities: np.ndarray, whose: np.ndarray) -> tuple[float, int]:
    """The largest similarity, and whose it is."""
    at = int(similarities.argmax())
    return float(similarities[at]), int(whose[at])


def average_precision(similarities: np.ndarray, right: np.ndarray) -> float:
    """Of one question: the mean of the precision at each entry that is right, the most similar first."""
    order = np.argsort(-similarities, kind="stable")
    hits = right[order]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float((precision * hits).sum() / max(hits.sum(), 1))


def auroc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Probability that one of `positive` is larger than one of `negative`; a tie counts half."""
    if not len(positive) or not len(negative):
        return float("nan")
    return float((positive[:, None] > negative).mean() + 0.5 * (positive[:, None] == negative).mean())


def answer(question: dict, similarities: np.ndarray, whose: np.ndarray) -> dict:
    """Of a question that has somebody to be compared with: the best similarity, whether that is right, its average
    precision where it is known, how many individuals there were."""
    best, who = best_of(similarities, whose)
    known = question["known"]
    return {
        "species": question["species"],
        "known": known,
        "best": best,
        "right": bool(known and who == question["individual"]),
        "precision": average_precision(similarities, whose == question["individual"]) if known else None,
        "among": len(set(whose.tolist())),
    }


def answers(entries: list[dict], questions: list[dict], flanks: bool) -> list[dict]:
    """The answers to all questions that have somebody to be compared with."""
    of_all = ((question, *compared(question, entries, flanks)) for question in questions)
    return [answer(*one) for one in of_all if len(one[1])]


def metrics(told: list[dict]) -> dict:
    """Rank-1 and mean average precision of the known questions, AUROC of known against unknown, and what chance is."""
    known = [t for t in told if t["known"]]
    unknown = np.array([t["best"] for t in told if not t["known"]])
    return {
        "known": len(known),
        "unknown": len(unknown),
        "rank1": float(np.mean([t["right"] for t in known])) if known else float("nan"),
        "chance": float(np.mean([1 / t["among"] for t in known])) if known else float("nan"),
        "map": float(np.mean([t["precision"] for t in known])) if known else float("nan"),
        "auroc": auroc(np.array([t["best"] for t in known]), unknown),
    }


def measure(rows: list[dict], embeddings: np.ndarray) -> dict:
    """All numbers of a set: by species and over all, with the flank known and without."""
    entries, questions = split(encounters(rows, embeddings))
    out = {}
    for name, flanks in (("flank known", True), ("flank unknown", False)):
        told = answers(entries, questions, flanks)
        out[name] = {"all": metrics(told)} | {
            species: metrics([t for t in told if t["species"] == species])
            for species in sorted({t["species"] for t in told})
        }
    return out


# ---- what a similarity means


def fit(similarity: np.ndarray, same: np.ndarray, rounds: int = 100) -> tuple[float, float]:
    """Slope and intercept of the logistic curve of `same` (0 or 1) over `similarity`, by Newton's method, with Platt's
    smoothed targets (Platt 1999), so that a set that separates cleanly has a finite slope."""
    positive, negative = same.sum(), len(same) - same.sum()
    target = np.where(same > 0, (positive + 1) / (positive + 2), 1 / (negative + 2))
    x = np.stack([similarity, np.ones_like(similarity)], 1)
    w = np.zeros(2)
    for _ in range(rounds):
        p = 1 / (1 + np.exp(-(x @ w)))
        gradient = x.T @ (p - target)
        hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        w = w - step
        if np.abs(step).max() < 1e-9:
            break
    return float(w[0]), float(w[1])


def thresholds(
    probability: np.ndarray, right: np.ndarray, known: np.ndarray, wanted: float, fewest: int = FEWEST
) -> tuple[float, float]:
    """The least probability from which on at least `wanted` of what is told as somebody is right, and the largest below
    which at least `wanted` of what is told as nobody of the gallery is that; 1 and 0, which nothing passes, where that
    is not reached by at least `fewest` answers."""
    order = np.argsort(-probability, kind="stable")
    precision = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero((precision >= wanted) & (np.arange(1, len(order) + 1) >= fewest))
    as_known = float(probability[order][good[-1]]) if len(good) else 1.0
    order = order[::-1]
    precision = np.cumsum(~known[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero((precision >= wanted) & (np.arange(1, len(order) + 1) >= fewest))
    as_new = float(probability[order][good[-1]]) if len(good) else 0.0
    return as_known, min(as_new, as_known)


def calibrate(rows: list[dict], embeddings: np.ndarray, wanted: float = 0.95) -> dict:
    """`[individuals]` of a manifest, from individuals that were not learnt from."""
    told = answers(*split(encounters(rows, embeddings)), flanks=True)
    best = np.array([t["best"] for t in told])
    right = np.array([t["right"] for t in told])
    known = np.array([t["known"] for t in told])
    slope, intercept = fit(best, right.astype(float))
    probability = 1 / (1 + np.exp(-(slope * best + intercept)))
    as_known, as_new = thresholds(probability, right, known, wanted)
    return {"slope": slope, "intercept": intercept, "known": as_known, "new": as_new, "questions": len(told)}


def decides(curve: dict) -> bool:
    """Whether a calibration is worth writing down: likeness tells something, and there is a threshold that may be passed."""
    return curve["slope"] >= 0.01 and (curve["known"] < 1.0 or curve["new"] > 0.0)


def decisions(rows: list[dict], embeddings: np.ndarray, curve: dict) -> dict:
    """What the calibrated decision says on a set: known and right, known and wrong, unsure, new; of both kinds."""
    told = answers(*split(encounters(rows, embeddings)), flanks=True)
    count = {"known": {}, "unknown": {}}
    for t in told:
        p = 1 / (1 + np.exp(-(curve["slope"] * t["best"] + curve["intercept"])))
        said = "known" if p >= curve["known"] else "new" if p < curve["new"] else "unsure"
        if said == "known":
            said = "right" if t["right"] else "wrong"
        kind = count["known" if t["known"] else "unknown"]
        kind[said] = kind.get(said, 0) + 1
    return count
