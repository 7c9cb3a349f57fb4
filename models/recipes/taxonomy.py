"""The label table of an own network: every class with its place in the tree of life. Standard library only."""

import csv
import re
from pathlib import Path

from sources import NO_ANIMAL, Example

COLUMNS = ["label", "scientific", "rank", "english", "genus", "family", "order", "class"]
HERE = Path(__file__).resolve().parent
# Where names are looked up, the first that knows one counts.
TABLES = [HERE / "taxa.csv", HERE.parent / "export/taxa/deepfaune.csv", HERE.parent / "export/taxa/deepfaune_birds.csv"]
TABLES += [HERE.parent / "starter/imagenet_taxa.csv"]
GROUPS = ("genus", "family", "order", "class")
NAMED = NO_ANIMAL | {"human", "vehicle", "person", "people", "vegetation", "none"}


def known(tables: list[Path]) -> dict[str, dict[str, str]]:
    """Rows by every name they bear, in lower case."""
    names: dict[str, dict[str, str]] = {}
    for file in tables:
        with open(file, newline="", encoding="utf-8-sig") as table:
            reader = csv.DictReader(table)
            if reader.fieldnames != COLUMNS:
                raise SystemExit(
                    f"{file}: the header is {','.join(reader.fieldnames or [])}; it must be {','.join(COLUMNS)}"
                )
            for row in reader:
                for name in (row["scientific"], row["label"], row["english"]):
                    if name and row["scientific"]:
                        names.setdefault(name.lower(), row)
    return names


def table(labels: list[str], examples: list[Example], own: list[Path]) -> list[dict[str, str]]:
    """One row per label, in their order. What is no animal gets no taxon: the trap never answers it."""
    names = known([*own, *(t for t in TABLES if t.is_file())])
    hints = {e.label: e for e in examples}
    out, unknown = [], []
    for label in labels:
        row = names.get(label.lower())
        hint = hints.get(label)
        if row:
            out.append({**row, "label": label})
        elif label.lower() in NAMED:
            out.append({c: "" for c in COLUMNS} | {"label": label})
        elif re.fullmatch(r"[A-Z][a-z]+ [a-z-]+", label):
            genus = label.split()[0]
            english = (hint.english if hint else "") or label
            out.append(dict(zip(COLUMNS, (label, label, "species", english, genus, "", "", ""), strict=True)))
        elif hint and hint.rank in GROUPS and re.fullmatch(r"[A-Z][a-z]+", label):
            row = {c: "" for c in COLUMNS}
            row |= {
                "label": label,
                "scientific": label,
                "rank": hint.rank,
                "english": hint.english or label,
                hint.rank: label,
            }
            out.append(row)
        else:
            unknown.append(label)
    if unknown:
        raise SystemExit(
            f"no scientific name is known for: {', '.join(unknown)}. Name the classes scientifically (Lynx lynx), or give "
            f"--taxa TABLE.csv with the header {','.join(COLUMNS)} and a row each (empty but for `label`: no animal)"
        )
    return out


def write(rows: list[dict[str, str]], file: Path) -> None:
    """Writes the table."""
    with open(file, "w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
