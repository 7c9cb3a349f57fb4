"""From logits to decisions that can be trusted: temperature, means over sequences, thresholds by species. Numpy only."""

from dataclasses import dataclass

import numpy as np

GOLDEN = (5**0.5 - 1) / 2
Z = 1.2816  # one-sided 90 %: the true precision is below the bound in one of ten cases
FEWEST = 5  # answers below which a threshold would stand on chance


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Probabilities `[n, classes]`."""
    z = np.asarray(logits, np.float64) / temperature
    z = np.exp(z - z.max(1, keepdims=True))
    return z / z.sum(1, keepdims=True)


def nll(logits: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> float:
    """Mean negative log-likelihood of the true classes."""
    z = np.asarray(logits, np.float64) / temperature
    z = z - z.max(1, keepdims=True)
    return float((np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), labels]).mean())


def temperature(logits: np.ndarray, labels: np.ndarray, low: float = 0.05, high: float = 20.0) -> float:
    """The temperature of the least negative log-likelihood (Guo et al. 2017), by golden section on its logarithm: the
    likelihood is convex in 1/T, so it has one least place."""
    a, b = np.log(low), np.log(high)
    c, d = b - GOLDEN * (b - a), a + GOLDEN * (b - a)
    at = {x: nll(logits, labels, float(np.exp(x))) for x in (c, d)}
    while b - a > 1e-4:
        if at[c] <= at[d]:
            b, d = d, c
            c = b - GOLDEN * (b - a)
        else:
            a, c = c, d
            d = a + GOLDEN * (b - a)
        at = {x: at[x] if x in at else nll(logits, labels, float(np.exp(x))) for x in (c, d)}
    return float(np.exp((a + b) / 2))


def means(logits: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean logits of each group and kind, as the trap averages an animal over its burst: `[m, classes]` and labels."""
    keys = np.stack([np.unique(groups, return_inverse=True)[1], labels], 1)
    unique, inverse = np.unique(keys, axis=0, return_inverse=True)
    inverse = inverse.ravel()
    sums = np.zeros((len(unique), logits.shape[1]))
    np.add.at(sums, inverse, logits)
    return sums / np.bincount(inverse)[:, None], unique[:, 1]


def curve(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coverage (share answered, the surest first) and the accuracy of what is answered; equally sure ones come together."""
    sure, right = probabilities.max(1), probabilities.argmax(1) == labels
    order = np.argsort(-sure, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(sure[order]) != 0, True))
    count = ends + 1
    return count / len(labels), np.cumsum(right[order])[ends] / count


def calibration(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error: the mean gap between how sure and how right, over equal bins."""
    sure, right = probabilities.max(1), probabilities.argmax(1) == labels
    place = np.minimum((sure * bins).astype(int), bins - 1)
    return float(
        sum(abs(sure[place == b].mean() - right[place == b].mean()) * (place == b).mean() for b in np.unique(place))
    )


def bound(hits: int, count: int, z: float = Z) -> float:
    """The lower end of Wilson's interval of a share."""
    if count == 0:
        return 0.0
    p = hits / count
    middle = p + z * z / (2 * count)
    reach = z * np.sqrt(p * (1 - p) / count + z * z / (4 * count * count))
    return float((middle - reach) / (1 + z * z / count))


@dataclass
class Threshold:
    """From where on a class is said."""

    label: int
    score: float | None  # None: no score gave the wanted precision
    precision: float  # as counted
    at_least: float  # Wilson's lower bound, 90 %
    recall: float
    answers: int  # from the threshold on
    examples: int  # of the class
    sure: bool  # whether the bound itself reaches what was wanted
    said: int  # times it was the most probable, at any score


def thresholds(probabilities: np.ndarray, labels: np.ndarray, wanted: float) -> list[Threshold]:
    """For each class the least score from which its answers have the wanted precision.

    Where the lower bound reaches it somewhere, that is taken (`sure`); else the score whose counted precision does, on at
    least `FEWEST` answers; else none. Counted on few answers a precision is worth little: `at_least` says how little.
    """
    out = []
    # As they will be written: four decimals, down, so that the answer at a threshold belongs to it.
    said, sure = probabilities.argmax(1), np.floor(probabilities.max(1) * 1e4) / 1e4
    for k in range(probabilities.shape[1]):
        own = said == k
        order = np.argsort(-sure[own], kind="stable")
        scores, right = sure[own][order], (labels[own] == k)[order]
        hits, examples = np.cumsum(right), int((labels == k).sum())
        ends = np.flatnonzero(np.append(np.diff(scores) != 0, True)) if len(scores) else np.zeros(0, int)
        rows = [(int(hits[e]), int(e + 1), float(scores[e])) for e in ends]
        proven = [r for r in rows if bound(r[0], r[1]) >= wanted]
        counted = [r for r in rows if r[1] >= FEWEST and r[0] / r[1] >= wanted]
        best = max(proven or counted, key=lambda r: r[1], default=None)
        h, n, score = best or (0, 0, None)
        out.append(
            Threshold(
                k,
                score,
                h / n if n else 0.0,
                bound(h, n),
                h / examples if examples else 0.0,
                n,
                examples,
                bool(proven),
                len(rows) and rows[-1][1],
            )
        )
    return out
