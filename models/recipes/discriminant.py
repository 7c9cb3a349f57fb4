"""What tells individuals apart in flanks that were laid flat: a linear discriminant, in closed form. NumPy only."""

import numpy as np

SHRINK = 0.1  # how far the spread within an individual is pulled towards an even one: crops are fewer than its numbers


def fit(x: np.ndarray, who: np.ndarray, kind: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Matrix `[length, numbers]` and what to add: flanks `x` in which differences between the crops of one individual's
    flank (`who`) weigh little and those between individuals of a species (`kind`) much.

    What sets the species apart is left out: it would make all individuals of one alike."""
    x = x.astype(np.float64)
    kinds, of = np.unique(kind, return_inverse=True)
    means = np.stack([x[of == k].mean(0) for k in range(len(kinds))])
    centre = means.mean(0)
    names, at = np.unique(who, return_inverse=True)
    own = np.zeros((len(names), x.shape[1]))
    np.add.at(own, at, x)
    own /= np.bincount(at)[:, None]
    within = x - own[at]
    spread = within.T @ within / max(len(x) - len(names), 1)
    even = np.trace(spread) / len(spread)
    value, vector = np.linalg.eigh((1 - SHRINK) * spread + SHRINK * even * np.eye(len(spread)))
    white = (vector / np.sqrt(value)) @ vector.T
    species = np.zeros(len(names), int)
    species[at] = of
    apart = (own - means[species]) @ white
    between = (means - centre) @ white
    directions = np.linalg.svd(between, full_matrices=False)[2][: len(kinds) - 1]
    apart -= apart @ directions.T @ directions
    axes = np.linalg.svd(apart, full_matrices=False)[2][:length]
    matrix = axes @ white
    return matrix.astype(np.float32), (-matrix @ centre).astype(np.float32)
