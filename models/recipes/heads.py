"""Raw outputs of a network made into answers: boxes per category, or the best class. The daemon's `vision::heads`."""

import numpy as np

# A box: x0, y0, x1, y1 in input pixels, score, category (0 animal, 1 person, 2 vehicle).
CATEGORIES = ["animal", "person", "vehicle"]


def boxes(outputs: list[np.ndarray], manifest: dict) -> np.ndarray:
    """The boxes above the manifest's detection threshold after suppression, `[n, 6]`, most confident first."""
    decode, spec, limits = manifest["output"]["decode"], manifest["input"], manifest["thresholds"]
    out = np.asarray(outputs[0], np.float32)
    if decode == "yolov10":
        rows = out[0]
        corners, scores = rows[:, :4], np.zeros((len(rows), max(map(max, manifest["classes"].values())) + 1))
        fits = rows[:, 5] < scores.shape[1]
        scores[np.flatnonzero(fits), rows[fits, 5].astype(int)] = rows[fits, 4]
    elif decode == "rtdetr":
        size = np.array([spec["width"], spec["height"]] * 2, np.float32)
        corners, scores = from_centres(outputs[1][0] * size), 1 / (1 + np.exp(-out[0]))
    elif decode == "yolov8":
        rows = out[0].T
        corners, scores = from_centres(rows[:, :4]), rows[:, 4:]
    elif decode == "yolov5":
        corners, scores = from_centres(out[0][:, :4]), out[0][:, 5:] * out[0][:, 4:5]
    elif decode == "yolox":
        rows = out[0].copy()
        grids = []
        for stride in (8, 16, 32):
            h, w = spec["height"] // stride, spec["width"] // stride
            y, x = np.mgrid[:h, :w]
            grids.append(np.stack([x.ravel(), y.ravel(), np.full(h * w, stride)], 1))
        grid = np.concatenate(grids)
        rows[:, :2] = (rows[:, :2] + grid[:, :2]) * grid[:, 2:]
        rows[:, 2:4] = np.exp(rows[:, 2:4]) * grid[:, 2:]
        corners, scores = from_centres(rows[:, :4]), rows[:, 5:] * rows[:, 4:5]
    else:
        raise SystemExit(f"output.decode {decode} cannot be measured here")
    found = []
    for category, name in enumerate(CATEGORIES):
        classes = manifest["classes"].get(name, [])
        if classes:
            best = scores[:, classes].max(1)
            at = best >= limits["detection"]
            found.append(np.column_stack([corners[at], best[at], np.full(at.sum(), category)]))
    rows = np.concatenate(found) if found else np.zeros((0, 6))
    return suppress(rows[np.argsort(-rows[:, 4], kind="stable")], limits.get("nms_iou", 0.45))


def from_centres(rows: np.ndarray) -> np.ndarray:
    """cx, cy, w, h to corners."""
    return np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], 1)


def overlap(box: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Intersection over union of one box with many."""
    size = np.clip(np.minimum(box[2:4], rows[:, 2:4]) - np.maximum(box[:2], rows[:, :2]), 0, None)
    inner = size[:, 0] * size[:, 1]
    areas = (rows[:, 2] - rows[:, 0]) * (rows[:, 3] - rows[:, 1])
    return inner / np.maximum((box[2] - box[0]) * (box[3] - box[1]) + areas - inner, 1e-9)


def suppress(rows: np.ndarray, iou: float) -> np.ndarray:
    """Keeps of overlapping boxes of one category the most confident."""
    kept: list[np.ndarray] = []
    for row in rows[:1000]:
        same = [k for k in kept if k[5] == row[5]]
        if not same or overlap(row, np.array(same)).max() <= iou:
            kept.append(row)
    return np.array(kept).reshape(-1, 6)


def probabilities(output: np.ndarray, manifest: dict) -> np.ndarray:
    """A classifier's probabilities."""
    flat = np.asarray(output, np.float64).ravel()
    if manifest["output"]["decode"] != "logits":
        return flat
    flat = flat / manifest.get("temperature", 1.0)
    parts = np.exp(flat - flat.max())
    return parts / parts.sum()
