"""Which examples an epoch shows, and what each class weighs: the remedies against long tails. Numpy only.

| plan | an epoch |
|---|---|
| `plain` | every example once |
| `balanced` | every class at most `ratio` times as often as the rarest, another choice each epoch |
| `oversample` | every class as often as the commonest, examples of rare classes again and again |
| `weighted` | every example once; the loss of a class weighs the more the rarer it is |
| `emphasis` | every example once, and again with a chance those that the network named wrongly |

`balanced` and `weighted` may be had together with `emphasis` (`+emphasis`).
"""

import numpy as np

NAMES = ("plain", "balanced", "oversample", "weighted", "emphasis", "balanced+emphasis", "weighted+emphasis")
RATIO = 5.0  # the commonest class at most so many times the rarest
AGAIN = (0.2, 0.35)  # chance of another showing: wrong first answer; right answer not even among the five best


def parts(name: str) -> tuple[str, bool]:
    """The base plan, and whether it has emphasis."""
    if name not in NAMES:
        raise SystemExit(f"--plan is {name}; allowed: {', '.join(NAMES)}")
    base = name.removesuffix("emphasis").removesuffix("+") or "plain"
    return base, name.endswith("emphasis")


def epoch(
    labels: np.ndarray, plan: str, rng: np.random.Generator, wrong: np.ndarray | None = None, ratio: float = RATIO
):
    """Numbers of the examples of one epoch, in random order.

    `wrong`: of each example 0 named rightly when last seen (or not seen), 1 not the first, 2 not among the five best.
    """
    base, emphasis = parts(plan)
    kinds, counts = np.unique(labels, return_counts=True)
    chosen = np.arange(len(labels))
    if base == "balanced":
        most = max(1, int(np.floor(counts.min() * ratio)))
        chosen = np.concatenate(
            [taken(np.flatnonzero(labels == k), min(most, n), rng) for k, n in zip(kinds, counts, strict=True)]
        )
    elif base == "oversample":
        chosen = np.concatenate([taken(np.flatnonzero(labels == k), counts.max(), rng) for k in kinds])
    if emphasis and wrong is not None:
        chance = np.array([0.0, *AGAIN])[wrong[chosen]]
        chosen = np.concatenate([chosen, chosen[rng.random(len(chosen)) < chance]])
    return rng.permutation(chosen)


def taken(members: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` of them: each as often as the others, or once more."""
    whole, rest = divmod(count, len(members))
    return np.concatenate([np.tile(members, whole), rng.choice(members, rest, replace=False)])


def weights(labels: np.ndarray, classes: int, plan: str, most: float = 20.0) -> np.ndarray:
    """What the loss of each class weighs: inverse to how often it is shown, at most `most` times the least, mean 1 over
    the examples; ones for plans that weigh nothing."""
    if parts(plan)[0] != "weighted":
        return np.ones(classes)
    counts = np.bincount(labels, minlength=classes).astype(float)
    inverse = np.where(counts > 0, counts.max() / np.maximum(counts, 1), 0.0).clip(max=most)
    return inverse * len(labels) / max((inverse * counts).sum(), 1e-9)


def misses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """For emphasis: 0 right, 1 not the first, 2 not among the five best."""
    order = np.argsort(-logits, axis=1)
    first, five = order[:, 0] == labels, (order[:, :5] == labels[:, None]).any(1)
    return np.where(first, 0, np.where(five, 1, 2))
