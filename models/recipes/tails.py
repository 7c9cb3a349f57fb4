"""Long tails for `remedies.py`: which species are in one, and which animals of each. No torch.

A tail is drawn from a data set of the bench world; sites kept for checking give it nothing. For transfer the species are
parted: from some of them a network learns first, from the tail of the others it learns after that.
"""

import random
from collections import defaultdict

import sources


def parted_species(examples: list, others: bool) -> tuple[list[str], list[str]]:
    """The species of the tail, the commonest first, and the others, which none of them is.

    With `others` every second species by number is one of them, beginning with the second, so that both halves have
    common and rare ones and the commonest of all stays in the tail; else there are none.
    """
    order = [label for label, _ in sources.counted(examples).most_common()]
    return (order[::2], order[1::2]) if others else (order, [])


def wanted(most: int, fewest: int, classes: int) -> list[int]:
    """How many animals each class of a tail has, from `most` to `fewest` in equal ratios."""
    if classes < 2:
        return [most] * classes
    return [round(most * (fewest / most) ** (k / (classes - 1))) for k in range(classes)]


def tail(examples: list, order: list[str], most: int, fewest: int, seed: int) -> list:
    """A long tail over the classes of `order` (the commonest first) of whole bursts; the last burst of a class is cut. A
    class that has fewer gives all it has."""
    dice, kept = random.Random(seed), []
    for label, count in zip(order, wanted(most, fewest, len(order)), strict=True):
        bursts = defaultdict(list)
        for e in examples:
            if e.label == label:
                bursts[e.sequence].append(e)
        names = sorted(bursts)
        dice.shuffle(names)
        taken: list = []
        for name in names:
            taken += bursts[name][: count - len(taken)]
        kept += taken
    return kept


def thirds(classes: int) -> dict[str, slice]:
    """The rarest, middle and commonest third of the classes in the order of `parted_species`."""
    third = max(1, classes // 3)
    return {
        "rarest": slice(classes - third, classes),
        "middle": slice(third, classes - third),
        "commonest": slice(0, third),
    }
