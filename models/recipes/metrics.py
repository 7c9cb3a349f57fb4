"""What the networks are worth, on bursts they never saw."""

import numpy as np

from data import Frame

FLOOR = 0.05  # scores below are not looked at
OVERLAP = 0.5  # intersection over union that counts as found (Pascal VOC)
SUPPRESS = 0.6  # boxes of one class overlapping more are one
HIDDEN = 0.25  # truth less visible than this neither counts nor is held against the network
SIZES = {"small (< 20 px)": (0, 20), "medium (20-60 px)": (20, 60), "large (> 60 px)": (60, 1e9)}
INPUT = 320  # sizes are roots of box areas in the pixels of the network's input


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Overlaps `[n,m]` of corner boxes `[n,4]` and `[m,4]`."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:4], b[None, :, 2:4])
    inner = np.clip(high - low, 0, None).prod(-1)
    area = [(x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1]) for x in (a, b)]
    return inner / (area[0][:, None] + area[1][None] - inner + 1e-9)


def suppress(output: np.ndarray) -> np.ndarray:
    """Decodes `[4+c,n]` to rows of corners, score, class after class-aware suppression, best first."""
    kinds, scores = output[4:].argmax(0), output[4:].max(0)
    order = np.flatnonzero(scores > FLOOR)
    order = order[np.argsort(-scores[order], kind="stable")]
    centre, side = output[:2, order].T, output[2:4, order].T
    rows = np.concatenate([centre - side / 2, centre + side / 2, scores[order, None], kinds[order, None]], 1)
    kept: list[int] = []
    overlaps = iou(rows, rows) * (rows[:, None, 5] == rows[None, :, 5])
    for i in range(len(rows)):
        if all(overlaps[i, j] <= SUPPRESS for j in kept):
            kept.append(i)
    return rows[kept]


def matched(frame: Frame, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each true box the score that found it (0: none), and for each row 1 right, 0 wrong, -1 not judged."""
    found, verdict = np.zeros(len(frame.boxes)), np.zeros(len(rows))
    overlaps = iou(rows, frame.boxes) if len(frame.boxes) and len(rows) else np.zeros((len(rows), len(frame.boxes)))
    for i, row in enumerate(rows):
        fits = np.flatnonzero((overlaps[i] >= OVERLAP) & (frame.kinds == row[5]))
        open_ = [j for j in fits if found[j] == 0 and frame.visible[j] > HIDDEN]
        if open_:
            best = max(open_, key=lambda j: overlaps[i, j])
            found[best], verdict[i] = row[4], 1
        elif any(frame.visible[j] <= HIDDEN for j in fits):
            verdict[i] = -1
    return found, verdict


def average_precision(scores: np.ndarray, right: np.ndarray, count: int) -> float:
    """Area under the precision-recall curve, every point used."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(right[order])
    precision = hits / np.arange(1, len(order) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float((precision * right[order]).sum() / max(count, 1))


def gather(frames: list[Frame], found: list[np.ndarray]) -> tuple[dict, dict]:
    """Flat arrays over all true boxes and over all detections."""
    truth = {"kind": [], "score": [], "size": [], "infrared": []}
    said = {"kind": [], "score": [], "right": [], "infrared": [], "empty": []}
    for frame, rows in zip(frames, found, strict=True):
        scores, verdict = matched(frame, rows)
        seen = frame.visible > HIDDEN
        area = (frame.boxes[:, 2:] - frame.boxes[:, :2]).prod(1)
        truth["size"].append(np.sqrt(area[seen]) * INPUT / max(frame.width, frame.height))
        truth["kind"].append(frame.kinds[seen])
        truth["score"].append(scores[seen])
        truth["infrared"].append(np.full(seen.sum(), frame.infrared))
        judged = verdict >= 0
        said["kind"].append(rows[judged, 5])
        said["score"].append(rows[judged, 4])
        said["right"].append(verdict[judged])
        said["infrared"].append(np.full(judged.sum(), frame.infrared))
        said["empty"].append(np.full(judged.sum(), len(frame.boxes) == 0))
    return {k: np.concatenate(v) for k, v in truth.items()}, {k: np.concatenate(v) for k, v in said.items()}


def best_threshold(truth: dict, said: dict) -> float:
    """The score with the largest F1 over all classes, on the checking set."""

    def f1(t: float) -> float:
        hits = (truth["score"] >= t).sum()
        return 2 * hits / max(1, len(truth["score"]) + (said["score"] >= t).sum())

    return float(max(np.arange(0.1, 0.7, 0.01), key=f1))


def detector_report(check, check_found, test, test_found, classes: list[str]) -> dict:
    """Threshold chosen on `check`, everything else measured on `test`."""
    t = round(best_threshold(*gather(check, check_found)), 2)
    truth, said = gather(test, test_found)

    def line(which_truth: np.ndarray, which_said: np.ndarray | None) -> dict:
        hit = truth["score"][which_truth] >= t
        row = {"boxes": int(which_truth.sum()), "recall": float(hit.mean()) if len(hit) else None}
        if which_said is not None:
            right = said["right"][which_said & (said["score"] >= t)]
            row["precision"] = float(right.mean()) if len(right) else None
        return row

    animal = truth["kind"] == 0
    rows = {name: line(truth["kind"] == k, said["kind"] == k) for k, name in enumerate(classes)}
    for label, dark in (("animal, day", False), ("animal, night", True)):
        rows[label] = line(animal & (truth["infrared"] == dark), (said["kind"] == 0) & (said["infrared"] == dark))
    for label, (low, high) in SIZES.items():
        rows[f"animal, {label}"] = line(animal & (truth["size"] >= low) & (truth["size"] < high), None)
    precisions = {
        name: average_precision(said["score"][k == said["kind"]], said["right"][k == said["kind"]], rows[name]["boxes"])
        for k, name in enumerate(classes)
    }
    empties = [i for i, f in enumerate(test) if not len(f.boxes)]
    false = sum(bool((test_found[i][:, 4] >= t).any()) for i in empties)
    held = [p for name, p in precisions.items() if rows[name]["boxes"]]
    return {
        "threshold": t, "rows": rows, "ap50": precisions, "map50": float(np.mean(held)), "test_frames": len(test),
        "empty_frames": len(empties), "empty_frames_with_a_box": false,
    }  # fmt: skip


def nll(logits: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    """Mean negative log-likelihood of the true classes."""
    z = logits / temperature
    z = z - z.max(1, keepdims=True)
    return float((np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), labels]).mean())


def calibration_error(logits: np.ndarray, labels: np.ndarray, temperature: float, bins: int = 15) -> float:
    """Expected calibration error (Guo et al. 2017): confidence against accuracy over equal bins."""
    z = np.exp((logits - logits.max(1, keepdims=True)) / temperature)
    p = z / z.sum(1, keepdims=True)
    sure, right = p.max(1), p.argmax(1) == labels
    bin_of = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [abs(sure[bin_of == b].mean() - right[bin_of == b].mean()) * (bin_of == b).mean() for b in np.unique(bin_of)]
    return float(sum(gaps))


def best_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature of the smallest negative log-likelihood, by a grid of 1 %."""
    grid = np.exp(np.arange(np.log(0.3), np.log(4.0), 0.01))
    return float(min(grid, key=lambda t: nll(logits, labels, t)))
