"""The tables of closer looks and of several classifiers in docs/accuracy.md, from runs of the program.

    python3 docs/looks.py PROGRAM SHARED looks|ensembles PACK...

PROGRAM sorts every folder of SHARED/photos once per row; SHARED/photos/labels.csv has the truth. `looks` takes the pack of
the first row and runs it with each set of words; `ensembles` runs every pack as it is. Standard library only.
"""

import csv
import json
import os
import resource
import subprocess
import sys

SITES = ["peru", "ena24", "southwest", "sweden"]
LOOKS = [
    "plain",
    "tiles",
    "tiles-unseen",
    "tiles-alone",
    "contrast",
    "mirror",
    "mirror-names",
    "tiles,contrast",
    "tiles-alone,contrast",
    "tiles-alone,contrast,mirror",
    "tiles,contrast,mirror,mirror-names",
]
LEVELS = ["genus", "family", "order", "class"]
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def lineages():
    """Scientific name to its ancestors and itself, of the classifiers' labels."""
    known = {}
    for name in ["imagenet_taxa.csv", "inat_birds_taxa.csv"]:
        for row in table(os.path.join(HERE, "models/starter", name)):
            above = [row[level] for level in LEVELS]
            known[row["scientific"]] = set(above) | {row["scientific"]} - {""}
            for at, taxon in enumerate(above):
                known.setdefault(taxon, set(above[at:]) - {""})
    return known


KNOWN = lineages()
TRUTH = {row["label"]: row for row in table(os.path.join(HERE, "tests/models/truth_map.csv"))}


def named(taxon, label):
    """right: the true family or something of it that is true; higher: contains it; wrong; none."""
    truth = TRUTH[label]
    accepted = truth["accepts"].split(";")
    above = {truth[level] for level in LEVELS} - {""}
    family = truth["family"]
    mine = KNOWN.get(taxon, {taxon})
    if taxon in accepted or mine & set(accepted) or (family and family in mine):
        # Of the family, but another genus or species than the true one is still the family.
        return "right"
    if taxon == "Animalia":
        return "none"
    return "higher" if taxon in above else "wrong"


def run(program, shared, pack, look):
    """Rows of (site, label, probability, outcome, taxa), milliseconds of processor time a photo, runs of networks."""
    truth = {os.path.basename(row["file"]): row["label"] for row in table(os.path.join(shared, "photos/labels.csv"))}
    rows, photos, before = [], 0, resource.getrusage(resource.RUSAGE_CHILDREN)
    for site in SITES:
        command = [program, "sort", os.path.join(shared, "photos", site), "--json", "--quiet", "--threads", "1"]
        command += ["--model", pack] + (["--look", look] if look else [])
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        for line in map(json.loads, done.stdout.splitlines()):
            labels = [truth[os.path.basename(frame["file"])] for frame in line["frames"]]
            photos += len(labels)
            label = next((label for label in labels if label != "empty"), "empty")
            taxa = [s["taxon"] for s in line["sightings"]]
            rows.append((site, label, line["probability"], line["outcome"], taxa))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return rows, 1000 * spent / photos


def at_false_alarms(rows, allowed):
    """The least probability from which at most `allowed` empties count."""
    empties = sorted((p for _, label, p, _, _ in rows if label == "empty"), reverse=True)
    return empties[allowed] if len(empties) > allowed else -1.0


def above(rows, threshold):
    animal = sum(p > threshold for _, label, p, _, _ in rows if label not in ("empty", "human", "vehicle"))
    empty = sum(p > threshold for _, label, p, _, _ in rows if label == "empty")
    return animal, empty


def held_out(rows):
    """Each site at the threshold that allows the others 2 false alarms."""
    found = alarms = 0
    for site in SITES:
        threshold = at_false_alarms([row for row in rows if row[0] != site], 2)
        animal, empty = above([row for row in rows if row[0] == site], threshold)
        found, alarms = found + animal, alarms + empty
    return found, alarms


def names(rows):
    counts = {"right": 0, "higher": 0, "wrong": 0, "none": 0, "missed": 0}
    for _, label, _, outcome, taxa in rows:
        if label in ("empty", "human", "vehicle"):
            continue
        answers = [named(taxon, label) for taxon in taxa if taxon not in ("", "Homo sapiens")]
        order = ["right", "higher", "none", "wrong"]
        counts[min(answers, key=order.index) if answers else "missed"] += 1
    return counts


def main():
    program, shared, what, *packs = sys.argv[1:]
    rounds = [(look, packs[0], look) for look in LOOKS] if what == "looks" else [
        (os.path.basename(pack), pack, None) for pack in packs
    ]
    results = []
    for name, pack, look in rounds:
        print(name, file=sys.stderr)
        results.append((name, *run(program, shared, pack, look)))
    report(results, what)


def report(results, what):
    rows = results[0][1]
    animals = sum(row[1] not in ("empty", "human", "vehicle") for row in rows)
    empties = sum(row[1] == "empty" for row in rows)
    print(f"{animals} sequences with an animal, {empties} empty ones, of 4 sites.\n")
    if what == "looks":
        print(
            "| look | kept, animals | sighting, animals | kept, empties | sighting, empties | animals at 1 false alarm "
            "| held out: animals / false alarms | Peru kept, of 13 | Peru kept, of 7 empty | processor ms a photo |"
        )
        print("|---|---|---|---|---|---|---|---|---|---|")
        for name, rows, spent in results:
            def of(wanted, empty, site=None):
                mine = [row for row in rows if site in (None, row[0]) and row[1] != "vehicle"]
                # Peru's story counts the person at set-up as well.
                mine = [row for row in mine if site == "peru" or row[1] != "human"]
                return sum(wanted(row[3]) and (row[1] == "empty") == empty for row in mine)

            kept, seen = lambda o: o != "empty", lambda o: o == "sighting"
            one = above(rows, at_false_alarms(rows, 1))[0]
            found, alarms = held_out(rows)
            print(
                f"| {name} | {of(kept, False)} | {of(seen, False)} | {of(kept, True)} | {of(seen, True)} | {one} "
                f"| {found} / {alarms} | {of(kept, False, 'peru')} | {of(kept, True, 'peru')} | {spent:.0f} |"
            )
        print()
    print("| | right family or finer | higher rank that contains it | only an animal | wrong | no sighting | processor ms a photo |")
    print("|---|---|---|---|---|---|---|")
    for name, rows, spent in results:
        n = names(rows)
        print(f"| {name} | {n['right']} | {n['higher']} | {n['none']} | {n['wrong']} | {n['missed']} | {spent:.0f} |")


if __name__ == "__main__":
    main()
