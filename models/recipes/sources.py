"""A user's own photos: class folders, Camtrap DP packages, and what `trapline export crops` writes.

Each gives `Example`s: a file, what it shows, and what is known of burst, sequence, place, box, light. Needs no more
than Python and Pillow.
"""

import csv
import json
import os
import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image

ENDINGS = {".jpg", ".jpeg", ".png"}
WHOLE = (0.0, 0.0, 1.0, 1.0)
TAKEN, EXIF, SUBSECOND = 0x9003, 0x8769, 0x9291  # DateTimeOriginal, the EXIF directory, SubSecTimeOriginal
GAP = 60.0  # Seconds without a photo after which a sequence ends (MegaDetector's episodes).
NO_ANIMAL = {"blank", "empty", "unknown", "unclassified"}
PEOPLE = {"human", "person", "people", "vehicle", "homo sapiens"}


@dataclass(frozen=True)
class Example:
    """One photo, or one box of a photo."""

    file: Path
    label: str  # scientific name where there is one
    box: tuple[float, float, float, float] = WHOLE  # left, top, width, height as shares of the picture
    sequence: str = ""  # photos of one visit; empty: not known
    site: str = ""  # place of the camera; empty: not known
    taken: float | None = None  # seconds since 1970 by the camera's clock
    infrared: bool | None = None
    by: str = ""  # who said so
    english: str = ""
    rank: str = ""


@dataclass
class Read:
    """What was found, and what a reader should know."""

    examples: list[Example]
    notes: list[str]


def read(folder: Path, people: bool = False) -> Read:
    """All examples below `folder`, whatever form it has."""
    folder = Path(folder)
    if (folder / "crops.csv").is_file():
        return crops(folder, people)
    if (folder / "truth.jsonl").is_file():
        return world(folder)
    if (folder / "observations.csv").is_file() and (folder / "media.csv").is_file():
        return camtrap(folder, people)
    if folder.is_dir():
        return folders(folder, people)
    raise SystemExit(
        f"{folder}: neither a folder of class folders, a Camtrap DP package (media.csv, observations.csv), "
        "nor what `trapline export crops` writes (crops.csv), nor a data set of `trapline world`"
    )


def rows(file: Path) -> list[dict[str, str]]:
    """The rows of a table."""
    with open(file, newline="", encoding="utf-8-sig") as table:
        return list(csv.DictReader(table))


def need(file: Path, table: list[dict[str, str]], columns: set[str]) -> None:
    """Ends where a table has not the columns that are needed."""
    absent = sorted(columns - set(table[0])) if table else []
    if absent:
        raise SystemExit(f"{file}: no column {', '.join(absent)}; it has {', '.join(table[0])}")


def within(base: Path, given: str) -> Path | None:
    """A file that a table names, if it lies below the table's folder: a table from elsewhere may name anything."""
    path = Path(os.path.normpath(base / given))
    return path if path.is_relative_to(os.path.normpath(base)) else None


def instant(text: str) -> float | None:
    """Seconds since 1970 of a time as Camtrap DP writes it; one without a zone counts as UTC."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def is_person(label: str, kind: str = "") -> bool:
    return label.strip().lower() in PEOPLE or kind in ("human", "vehicle")


# ---- what `trapline export crops` writes


def crops(folder: Path, people: bool) -> Read:
    """Crops with their table; the box lies within the crop."""
    table = rows(folder / "crops.csv")
    columns = {"filePath", "class", "sequenceID", "locationID", "cropX", "cropY", "cropWidth", "cropHeight"}
    need(folder / "crops.csv", table, columns)
    found, absent, private = [], 0, 0
    for row in table:
        file = within(folder, row["filePath"])
        if file is None or not file.is_file():
            absent += 1
        elif is_person(row["class"], row.get("observationType", "")) and not people:
            private += 1
        else:
            sides = [
                float(row[k] or d) for k, d in zip(("cropX", "cropY", "cropWidth", "cropHeight"), WHOLE, strict=True)
            ]
            found.append(Example(
                file, row["class"], tuple(sides), row["sequenceID"], row["locationID"], instant(row.get("timestamp", "")),
                {"true": True, "false": False}.get(row.get("infrared", "")), row.get("classifiedBy", ""),
                row.get("vernacularName", ""), row.get("taxonRank", ""),
            ))  # fmt: skip
    return Read(found, told(folder, absent=absent, private=private))


# ---- Camtrap DP


def camtrap(folder: Path, people: bool) -> Read:
    """A Camtrap DP package whose pictures lie where `filePath` says.

    Rows of single pictures give their boxes. Where there are none, the rows of events name all pictures of the event
    (1.0: those of its deployment between `eventStart` and `eventEnd`), if they name one kind only.
    """
    media = rows(folder / "media.csv")
    said = rows(folder / "observations.csv")
    need(folder / "media.csv", media, {"mediaID", "deploymentID", "filePath", "timestamp"})
    need(folder / "observations.csv", said, {"observationID", "deploymentID", "observationType", "scientificName"})
    places = {}
    if (folder / "deployments.csv").is_file():
        places = {r["deploymentID"]: r.get("locationID") or r["deploymentID"] for r in rows(folder / "deployments.csv")}
    of_media = {m["mediaID"]: m for m in media}
    times = {m["mediaID"]: instant(m["timestamp"]) for m in media}
    by_place: dict[str, list[str]] = {}
    for m in media:
        by_place.setdefault(m["deploymentID"], []).append(m["mediaID"])
    found, absent, private, several, unnamed = [], 0, 0, 0, 0
    done: set[str] = set()  # events with rows of single pictures
    events: dict[str, list[dict]] = {}
    for row in said:
        level = row.get("observationLevel") or ("media" if row.get("mediaID") else "event")
        event = f"{row['deploymentID']}/{row.get('eventID') or row['observationID']}"
        if level == "media" and row.get("mediaID") in of_media:
            done.add(event)
        events.setdefault(event, []).append(row)
    packs = []  # (row, mediaID, event)
    for event, all_rows in events.items():
        if event in done:
            packs += [(r, r["mediaID"], event) for r in all_rows if r.get("mediaID") in of_media]
            continue
        kinds = {label_of(r) for r in all_rows}
        if len(kinds) > 1:
            several += 1
            continue
        row = all_rows[0]
        begin, end = instant(row.get("eventStart", "")), instant(row.get("eventEnd", ""))
        if begin is None or end is None:
            several += 1
            continue
        inside = [
            i
            for i in by_place.get(row["deploymentID"], [])
            if times[i] is not None and begin - 1 <= times[i] <= end + 1
        ]
        packs += [(row, i, event) for i in inside]
    seen: set[str] = set()
    for row, _, _ in packs:  # a picture that shows a person is private, whatever else it shows
        if is_person(row["scientificName"], row["observationType"]):
            seen.add(row.get("mediaID") or "")
    for row, number, event in packs:
        m = of_media[number]
        label = label_of(row)
        if not label:
            unnamed += 1
            continue
        if not people and (is_person(label, row["observationType"]) or number in seen):
            private += 1
            continue
        file = within(folder, m["filePath"])
        if file is None or not file.is_file():
            absent += 1
            continue
        box = [row.get(k, "") for k in ("bboxX", "bboxY", "bboxWidth", "bboxHeight")]
        sides = tuple(float(b) for b in box) if all(box) else WHOLE
        found.append(Example(
            file, label, sides, event, places.get(m["deploymentID"], m["deploymentID"]), times[number], None,
            row.get("classifiedBy", ""), "", "",
        ))  # fmt: skip
    notes = told(folder, absent=absent, private=private, several=several, unnamed=unnamed)
    return Read(found, notes)


def label_of(row: dict) -> str:
    """What an observation names; empty for what nobody could tell."""
    kind = row["observationType"]
    if kind in ("unknown", "unclassified"):
        return ""
    return row["scientificName"].strip() or {"blank": "blank", "human": "human", "vehicle": "vehicle"}.get(kind, "")


# ---- the bench world


def world(folder: Path, visible: float = 0.25) -> Read:
    """What `trapline world` renders; animals less visible than `visible` are left out."""
    found, hidden = [], 0
    for line in (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        for thing in row["boxes"]:
            if thing["category"] != "animal":
                continue
            if thing["visible"] < visible:
                hidden += 1
                continue
            found.append(Example(
                folder / row["file"], thing["species"], tuple(thing["bbox"]), f"{folder}/{row['burst']}",
                f"{folder}/{row['site']}", instant(row["taken"]), row["infrared"], "the renderer", thing["english"], "species",
            ))  # fmt: skip
    return Read(found, [f"{folder}: {hidden} animals are hardly visible and are left out"] if hidden else [])


# ---- class folders


def folders(folder: Path, people: bool) -> Read:
    """A folder per class. Folders within them are cameras or sites; times come from EXIF."""
    found, private, damaged = [], 0, []
    classes = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not classes:
        raise SystemExit(f"{folder}: no folder in it; make one per class, named by what its photos show")
    for kind in classes:
        label = kind.name.replace("_", " ").strip()
        files = sorted((p for p in kind.rglob("*") if p.suffix.lower() in ENDINGS), key=natural)
        if is_person(label) and not people:
            private += len(files)
            continue
        for file in files:
            try:
                with Image.open(file) as image:
                    taken = exif_time(image)
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
                damaged.append(file)
                continue
            inner = file.parent.relative_to(kind).as_posix()
            found.append(Example(file, label, WHOLE, "", "" if inner == "." else inner, taken))
    notes = told(folder, private=private)
    if damaged:
        notes.append(f"{folder}: {len(damaged)} photos cannot be read and are left out, such as {damaged[0]}")
    return Read(sequenced(found), notes)


def exif_time(image: Image.Image) -> float | None:
    """When a photo was taken, by its EXIF."""
    exif = image.getexif()
    inner = exif.get_ifd(EXIF) if exif else {}
    text = str(inner.get(TAKEN) or "")
    try:
        at = datetime.strptime(text.strip("\0 "), "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
    part = str(inner.get(SUBSECOND) or "").strip("\0 ")
    return at + (float(f"0.{part}") if part.isdigit() else 0.0)


def sequenced(examples: list[Example]) -> list[Example]:
    """Gives sequences by time: within a folder, photos less than `GAP` apart are one."""
    out: list[Example] = []
    last: dict[Path, tuple[float, int]] = {}
    for one in sorted(examples, key=lambda e: (str(e.file.parent), e.taken or 0.0, natural(e.file))):
        if one.taken is None:
            out.append(one)
            continue
        at, number = last.get(one.file.parent, (float("-inf"), 0))
        number += one.taken - at > GAP
        last[one.file.parent] = (one.taken, number)
        out.append(replace(one, sequence=f"{one.file.parent}/t{number}"))
    return out


def natural(path: Path) -> list:
    """For sorting as people count: IMG_9 before IMG_10."""
    return [(0, int(p), "") if p.isdigit() else (1, 0, p.lower()) for p in re.split(r"(\d+)", str(path)) if p]


def told(folder: Path, absent: int = 0, private: int = 0, several: int = 0, unnamed: int = 0) -> list[str]:
    """What was left out, in words."""
    say = [
        (absent, "pictures that the table names are not there"),
        (private, "pictures of people and vehicles are left out; --people takes them as well"),
        (several, "events name several kinds, or have no times, and are left out"),
        (unnamed, "observations without a name are left out"),
    ]
    return [f"{folder}: {count} {what}" for count, what in say if count]


def counted(examples: list[Example]) -> Counter:
    """Examples by label, most common first."""
    return Counter(e.label for e in examples)
