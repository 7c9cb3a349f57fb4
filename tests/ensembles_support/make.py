"""Makes cases.json: several classifiers joined into one, computed a second time in NumPy.

    python tests/ensembles_support/make.py > tests/ensembles_support/cases.json

It follows the words at the head of src/vision/ensemble.rs and shares nothing else with it: taxa are paths, members are
dictionaries, and every mean is taken over explicit sets.
"""

import json

import numpy as np

FLOOR = 1e-9
RANKS = ["class", "order", "family", "genus", "species"]
random = np.random.default_rng(20180605)

FOX = "Mammalia/Carnivora/Canidae/Vulpes/Vulpes vulpes"
KIT = "Mammalia/Carnivora/Canidae/Vulpes/Vulpes macrotis"
WOLF = "Mammalia/Carnivora/Canidae/Canis/Canis lupus"
CANIDAE = "Mammalia/Carnivora/Canidae"
LYNX = "Mammalia/Carnivora/Felidae/Lynx/Lynx lynx"
HARE = "Mammalia/Lagomorpha/Leporidae/Lepus"
AVES = "Aves"
CROW = "Aves/Passeriformes/Corvidae/Corvus/Corvus corone"
RAVEN = "Aves/Passeriformes/Corvidae/Corvus/Corvus corax"
ROBIN = "Aves/Passeriformes/Turdidae/Turdus/Turdus migratorius"
JAY = "Aves/Passeriformes/Corvidae/Garrulus/Garrulus glandarius"
STONE = None


def member(labels, temperature=1.0, allowed=None, sure=None):
    """Labels are (name, path); `sure` is the place of a class that is made probable."""
    logits = random.normal(0, 2, len(labels))
    if sure is not None:
        logits[sure] += 5
    return {"labels": labels, "temperature": temperature, "allowed": allowed, "logits": logits.round(3).tolist()}


def below(path, above):
    return path is not None and above is not None and path.startswith(above + "/")


def own(m):
    """Probability by taxon of one member alone."""
    scaled = np.array(m["logits"], dtype=np.float64) / m["temperature"]
    part = [path is None or m["allowed"] is None or name in m["allowed"] for name, path in m["labels"]]
    weights = np.where(part, np.exp(scaled - scaled.max()), 0.0)
    weights /= weights.sum()
    taxa = {}
    for (_, path), weight, takes_part in zip(m["labels"], weights, part):
        if takes_part:
            taxa[path] = taxa.get(path, 0.0) + weight
    return taxa


def domain(taxa):
    """The longest common path below the kingdom, of a genus at the finest."""
    paths = [p.split("/") for p in taxa if p is not None]
    common = []
    for level in zip(*paths):
        if len(set(level)) > 1 or len(common) == 4:
            break
        common.append(level[0])
    return "/".join(common) or None


def joined(members, mean):
    alone = [own(m) for m in members]
    domains = [domain(taxa) for taxa in alone]
    everything = []
    for m in members:
        everything += [path for _, path in m["labels"] if path is not None and path not in everything]
    if any(path is None for m in members for _, path in m["labels"]):
        everything.append(None)
    inside = lambda path, of: path is not None and (path == of or below(path, of))
    general = [taxa for taxa, of in zip(alone, domains) if of is None]
    masses = [
        np.mean([sum(p for path, p in taxa.items() if inside(path, of)) for taxa in general]) if of and general else None
        for of in domains
    ]
    lent = []
    for taxa in alone:
        after, gives = dict(taxa), set(taxa)
        for coarse, has in taxa.items():
            finer = [t for t in everything if below(t, coarse) and t not in taxa and any(t in o for o in alone)]
            shares = {t: np.mean([o[t] for o in alone if t in o]) for t in finer}
            total = sum(shares.values())
            for t, share in shares.items():
                after[t] = after.get(t, 0.0) + has * share / max(1.0, total)
            after[coarse] -= has * total / max(1.0, total)
            gives |= set(finer)
        lent.append((after, gives))
    joint = {}
    for taxon in everything:
        values = []
        before = sum(taxa[taxon] for taxa in alone if taxon in taxa)
        kept = sum(after[taxon] for taxa, (after, _) in zip(alone, lent) if taxon in taxa) / before if before else 0.0
        for (after, gives), mass in zip(lent, masses):
            if taxon is None and mass is not None:
                continue
            scale = 1.0 if mass is None else mass
            beneath = [t for t in gives if below(t, taxon)]
            if taxon in gives:
                values.append(after[taxon] * scale)
            elif beneath and mean == "probabilities":
                values.append(0.0)
            elif beneath:
                values.append(sum(after[t] for t in beneath) * kept * scale)
        if not values:
            joint[taxon] = 0.0
        elif mean == "probabilities":
            joint[taxon] = np.mean(values)
        else:
            joint[taxon] = np.exp(np.mean(np.log(np.maximum(values, FLOOR))))
    for of, mass in zip(domains, masses):
        if mass is not None:
            total = sum(p for path, p in joint.items() if inside(path, of))
            if total > 0:
                joint = {path: p * mass / total if inside(path, of) else p for path, p in joint.items()}
    total = sum(joint.values())
    return {path: p / total for path, p in joint.items()}


def row(name, path):
    """One line of a label table."""
    if path is None:
        return f"{name},,,,,,,"
    parts = path.split("/")
    rank = RANKS[len(parts) - 1]
    at = lambda level: parts[level] if len(parts) > level else ""
    genus, family, order = at(3), at(2), at(1)
    return f"{name},{parts[-1]},{rank},{parts[-1]},{genus},{family},{order},{parts[0]}"


SAME = [("fox", FOX), ("wolf", WOLF), ("hare", HARE), ("crow", CROW), ("stone", STONE)]
COARSE = [("dog family", CANIDAE), ("lynx", LYNX), ("hare", HARE), ("bird", AVES), ("grass", STONE)]
FINE = [("fox", FOX), ("vixen", FOX), ("kit fox", KIT), ("wolf", WOLF), ("raven", RAVEN)]
BIRDS = [("crow", CROW), ("raven", RAVEN), ("robin", ROBIN), ("jay", JAY), ("no bird", STONE)]
MIXED = [("fox", FOX), ("lynx", LYNX), ("crow", CROW), ("robin", ROBIN), ("stone", STONE)]

cases = []
for mean in ["probabilities", "logits"]:
    sets = {
        "one list": [member(SAME), member(SAME, 1.5), member(SAME, 0.9)],
        "coarse and fine": [member(COARSE, sure=0), member(FINE, sure=0)],
        "coarse and fine that disagree": [member(COARSE, sure=0), member(FINE, sure=4)],
        "birds for a fox": [member(MIXED, sure=0), member(BIRDS, sure=2)],
        "birds for a bird": [member(MIXED, sure=2), member(BIRDS, 1.2, sure=0)],
        "birds beneath a coarse bird": [member(COARSE, sure=3), member(BIRDS, sure=1)],
        "specialists only": [member(BIRDS), member(BIRDS, 2.0)],
        "allowed labels": [member(MIXED, allowed=["fox", "crow", "stone"]), member(SAME)],
        "four": [member(COARSE), member(FINE), member(BIRDS), member(MIXED, 0.8)],
    }
    for name, members in sets.items():
        expected = {
            "none" if path is None else path.split("/")[-1]: float(p) for path, p in joined(members, mean).items()
        }
        told = [
            {
                "table": "label,scientific,rank,english,genus,family,order,class\n"
                + "".join(row(*label) + "\n" for label in m["labels"]),
                "temperature": m["temperature"],
                "allowed": m["allowed"],
                "logits": m["logits"],
            }
            for m in members
        ]
        cases.append({"name": name, "mean": mean, "members": told, "expected": expected})
print(json.dumps(cases, indent=1))
