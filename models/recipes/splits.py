"""Examples parted into those to learn from, to check on and to test with, so that none is known from another part.

Photos of one visit look alike, and so do all backgrounds of one camera: whoever learns one half of a burst is asked the
other half, and looks better than it is. What belongs together is joined first: the photos of a sequence, files with the
same bytes, and, where no sequence is known, file names more than `ALIKE` similar. Then whole sites are given to one part
each; without sites, whole groups. Standard library only.
"""

import hashlib
import random
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from sources import Example, natural

ALIKE = 0.9  # names more similar are taken for one sequence
NEAR = 4  # names before it, in order, that a name is compared with: the work grows with the number of files alone
LARGEST = 0.2  # a chain of alike names with more of all examples than this is cut where names differ from its first
FEWEST_SITES = 6  # with fewer sites the parts would be single cameras: groups are parted instead
TRIES = 300  # random ways of giving sites to parts; the best by shares of every class is taken
PARTS = ("train", "check", "test")


@dataclass
class Split:
    """Numbers of examples by part, and how they were parted."""

    parts: dict[str, list[int]]
    by: str  # "site" or "sequence"
    groups: list[int]  # of each example: what belongs together
    notes: list[str]


def similarity(a: str, b: str) -> float:
    """How alike two names are, 0 to 1: twice the characters in common over all characters (difflib)."""
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    if matcher.real_quick_ratio() <= ALIKE or matcher.quick_ratio() <= ALIKE:
        return 0.0
    return matcher.ratio()


class Groups:
    """Things joined step by step (union-find)."""

    def __init__(self, count: int):
        self.up = list(range(count))

    def root(self, i: int) -> int:
        while self.up[i] != i:
            self.up[i] = self.up[self.up[i]]
            i = self.up[i]
        return i

    def join(self, a: int, b: int) -> None:
        a, b = self.root(a), self.root(b)
        self.up[max(a, b)] = min(a, b)


def grouped(examples: list[Example], notes: list[str]) -> list[int]:
    """Of each example the number of its group."""
    groups = Groups(len(examples))
    first: dict[object, int] = {}
    for i, e in enumerate(examples):
        keys = [("file", e.file)] + ([("sequence", e.sequence)] if e.sequence else [])
        for key in keys:
            groups.join(i, first.setdefault(key, i))
    same = copies(examples, groups)
    if same:
        notes.append(f"{same} files have the bytes of another and stay with it")
    lone = [i for i, e in enumerate(examples) if not e.sequence]
    if lone:
        by_name(examples, lone, groups, notes)
    return [groups.root(i) for i in range(len(examples))]


def copies(examples: list[Example], groups: Groups) -> int:
    """Joins files of the same bytes; only files of one length are read."""
    lengths: dict[int, dict[Path, int]] = defaultdict(dict)
    for i, e in enumerate(examples):
        if e.file.is_file():
            lengths[e.file.stat().st_size].setdefault(e.file, i)
    joined = 0
    for files in lengths.values():
        first: dict[bytes, int] = {}
        for file, i in files.items() if len(files) > 1 else ():
            digest = hashlib.sha256(file.read_bytes()).digest()
            joined += digest in first
            groups.join(i, first.setdefault(digest, i))
    return joined


def by_name(examples: list[Example], lone: list[int], groups: Groups, notes: list[str]) -> None:
    """Joins examples without a sequence whose names are alike, within a folder and in the order of their numbers."""
    folders: dict[Path, list[int]] = defaultdict(list)
    for i in lone:
        folders[examples[i].file.parent].append(i)
    for members in folders.values():
        members.sort(key=lambda i: natural(examples[i].file))
        names = [examples[i].file.name for i in members]
        chains: list[list[int]] = []
        for place, name in enumerate(names):
            near = range(max(0, place - NEAR), place)
            if chains and any(similarity(names[other], name) > ALIKE for other in near):
                chains[-1].append(place)
            else:
                chains.append([place])
        for chain in chains:
            whole = len(chain) <= max(1, LARGEST * len(examples))
            leader = chain[0]
            for place in chain[1:]:
                if whole or similarity(names[leader], names[place]) > ALIKE:
                    groups.join(members[leader], members[place])
                else:
                    leader = place
    notes.append(
        f"{len(lone)} photos have neither a sequence nor a time: those with names alike (over {ALIKE}) stay together"
    )
    open_ = sum(boundaries(examples, members, groups) for members in folders.values())
    if open_:
        notes.append(
            f"{open_} times running numbers go on from one group to the next: a visit may lie on both sides, so the test may "
            "flatter. Keep the cameras' EXIF times, or give sequences (Camtrap DP, `trapline export crops`)"
        )


def boundaries(examples: list[Example], members: list[int], groups: Groups) -> int:
    """Neighbours in different groups whose names differ in a number only."""
    plain = [re.sub(r"\d+", "#", examples[i].file.name) for i in members]
    pairs = zip(members, members[1:], plain, plain[1:], strict=False)
    return sum(groups.root(a) != groups.root(b) and x == y and "#" in x for a, b, x, y in pairs)


def split(examples: list[Example], check: float = 0.15, test: float = 0.2, seed: int = 1) -> Split:
    """Parts the examples; shares are those of examples, met as well as whole sites or groups allow in every class."""
    if not examples:
        raise SystemExit("nothing to learn from: no example was found")
    notes: list[str] = []
    groups = grouped(examples, notes)
    sites = {e.site for e in examples if e.site}
    known = all(e.site for e in examples)
    if known and len(sites) >= FEWEST_SITES:
        by, units = "site", Groups(len(examples))
        first: dict[object, int] = {}
        for i, e in enumerate(examples):
            units.join(i, first.setdefault(e.site, i))
            units.join(i, first.setdefault(groups[i], i))  # a group over two sites joins them
        unit = [units.root(i) for i in range(len(examples))]
    else:
        by, unit = "sequence", groups
        why = f"{len(sites)} sites are known" if known else "not every photo's site is known"
        notes.append(
            f"parted by sequence, not by site ({why}; {FEWEST_SITES} are needed): at a new place it will do worse"
        )
    parts = best(examples, unit, {"check": check, "test": test}, seed)
    for label in sorted({e.label for e in examples}):
        lacking = [p for p in PARTS if not any(examples[i].label == label for i in parts[p])]
        if lacking:
            notes.append(f"{label}: none in {' and '.join(lacking)}; it was seen at too few places")
    notes += leaks(examples, parts, by)
    return Split(parts, by, groups, notes)


def best(examples: list[Example], unit: list[int], shares: dict[str, float], seed: int) -> dict[str, list[int]]:
    """The best of many random ways: every class near its shares, and none left out of training."""
    members: dict[int, list[int]] = defaultdict(list)
    for i, u in enumerate(unit):
        members[u].append(i)
    labels = sorted({e.label for e in examples})
    number = {label: k for k, label in enumerate(labels)}
    total = Counter(number[e.label] for e in examples)
    counts = {u: Counter(number[examples[i].label] for i in inside) for u, inside in members.items()}
    wanted = {**shares, "train": 1.0 - sum(shares.values())}
    dice, found, least = random.Random(seed), {}, float("inf")
    for _ in range(TRIES):
        order = sorted(members)
        dice.shuffle(order)
        held = {p: Counter() for p in PARTS}
        chosen: dict[int, str] = {}
        for u in order:
            # To the part that is farthest from its share of what this unit holds, the rare classes first.
            lack = {
                p: sum(n / total[k] * (wanted[p] - held[p][k] / total[k]) for k, n in counts[u].items())
                / max(wanted[p], 1e-9)
                for p in PARTS
            }
            part = max(PARTS, key=lambda p: (lack[p], p == "train"))
            chosen[u] = part
            held[part].update(counts[u])
        cost = sum((held[p][k] / total[k] - wanted[p]) ** 2 for p in PARTS for k in total)
        cost += 10.0 * sum(held["train"][k] == 0 for k in total)
        cost += sum(held[p][k] == 0 for p in ("check", "test") for k in total)
        if cost < least:
            least, found = cost, chosen
    parts: dict[str, list[int]] = {p: [] for p in PARTS}
    for i, u in enumerate(unit):
        parts[found[u]].append(i)
    return parts


def leaks(examples: list[Example], parts: dict[str, list[int]], by: str) -> list[str]:
    """What stands in two parts all the same; nothing if the split is sound."""
    keys = {"file": lambda e: e.file, "sequence": lambda e: e.sequence or None}
    if by == "site":
        keys["site"] = lambda e: e.site
    told = []
    for what, key in keys.items():
        where: dict[object, set[str]] = defaultdict(set)
        for part, inside in parts.items():
            for i in inside:
                if key(examples[i]) is not None:
                    where[key(examples[i])].add(part)
        both = [k for k, at in where.items() if len(at) > 1]
        if both:
            told.append(f"LEAK: {len(both)} {what}s stand in two parts, such as {both[0]}")
    return told
