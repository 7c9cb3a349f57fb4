"""Tells individuals apart by searching: the middle of a crop laid over others, at every place and three sizes.

    python overlay.py coats-check

Too slow for a trap (every question against every crop of the gallery), and no embedding. It shows whether coats can be
told apart at all in a set of `trapline world DIR --individuals N`, by the same rules as the network (`identity`).
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

import identity
from data import resize

SIDE = 128
SIZES = (0.88, 1.0, 1.14)
PATCH = (34, 52)  # rows and columns of the flank that are laid over


def markings(path: Path) -> np.ndarray:
    """A crop without its light: what differs from around it, in units of how much things differ there."""
    grey = resize(cv2.imread(str(path)), SIDE, SIDE).astype(np.float32).mean(-1)
    fine = grey - cv2.blur(grey, (15, 15))
    return np.clip(fine / (np.sqrt(cv2.blur(fine * fine, (31, 31))) + 4.0), -3, 3)


def patches(picture: np.ndarray) -> list[np.ndarray]:
    """The middle of a crop at several sizes."""
    out = []
    for size in SIZES:
        scaled = cv2.resize(picture, None, fx=size, fy=size)
        top, left = (scaled.shape[0] - PATCH[0]) // 2, (scaled.shape[1] - PATCH[1]) // 2
        out.append(np.ascontiguousarray(scaled[top : top + PATCH[0], left : left + PATCH[1]]))
    return out


def measure(folder: Path) -> dict:
    """The numbers of `identity.metrics` with the flank known, of the first crop of each encounter."""
    rows = identity.rows_of(folder)
    first = {row["encounter"]: row["path"] for row in reversed(rows)}
    entries, questions = identity.split(identity.encounters(rows, np.ones((len(rows), 1))))
    pictures = {e["encounter"]: markings(first[e["encounter"]]) for e in entries}
    told = []
    for question in questions:
        kept = [e for e in entries if (e["species"], e["flank"]) == (question["species"], question["flank"])]
        if not kept:
            continue
        mine = patches(markings(first[question["encounter"]]))
        alike = [
            max(float(cv2.matchTemplate(pictures[e["encounter"]], p, cv2.TM_CCOEFF_NORMED).max()) for p in mine)
            for e in kept
        ]
        told.append(identity.answer(question, np.array(alike), np.array([e["individual"] for e in kept])))
    species = sorted({t["species"] for t in told})
    return {"all": identity.metrics(told)} | {
        s: identity.metrics([t for t in told if t["species"] == s]) for s in species
    }


def main() -> None:
    """Prints the numbers of a set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", type=Path, help="what `trapline world DIR --individuals N` wrote")
    print(json.dumps(measure(parser.parse_args().set), indent=1))


if __name__ == "__main__":
    main()
