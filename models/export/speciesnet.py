"""SpeciesNet's classifier (EfficientNetV2-M, 480 pixels, 2498 labels) with its labels and its geofence.

    python models/export/speciesnet.py always_crop.pt --labels labels.txt --taxonomy taxonomy_release.txt \\
        --geofence geofence_release.json --country CHE --out models/speciesnet --photos PHOTOS

The files are those of the published package (version 4.0.0a, always_crop). The checkpoint is a whole pickled module
that takes pictures as [1, 480, 480, 3] of 0..1: opening it runs code, and needs the package `onnx2torch`. Beside the
model come `fence.toml.txt`, what SpeciesNet's geofence forbids in `--country` (ISO 3166-1 alpha-3) and `--region` (two
letters), to be pasted into trapline.toml, and `species.txt`, what it permits, for `trapline sort --species-list`.
"""

import json
from pathlib import Path

import timm
import torch

from common import Card, arguments, finish, seeded, wake

BACKBONES = {"m": "tf_efficientnetv2_m", "b0": "tf_efficientnetv2_b0"}
LEVELS = ["class", "order", "family", "genus", "species"]
NO_ANIMAL = {"blank", "vehicle", "no cv result", "unknown"}


class Upright(torch.nn.Module):
    """A network of timm that takes colours last, as the published one does."""

    def __init__(self, inner: torch.nn.Module):
        super().__init__()
        self.inner = inner

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.inner(image.permute(0, 3, 1, 2))


def taxon(line: str) -> dict[str, str]:
    """`uuid;class;order;family;genus;species;common` by column."""
    parts = [part.strip() for part in line.split(";")]
    if len(parts) != 7:
        raise SystemExit(
            f"a label has 7 parts (uuid;class;order;family;genus;species;common), this has {len(parts)}: {line}"
        )
    return dict(zip(["uuid", *LEVELS, "common"], parts, strict=True))


def row(line: str) -> dict[str, str]:
    """A line of Trapline's table: the finest rank that is given, names in their scientific form."""
    t = taxon(line)
    empty = dict.fromkeys(["scientific", "rank", "english", "genus", "family", "order", "class"], "")
    common = t["common"]
    if common in NO_ANIMAL or t["class"] in NO_ANIMAL:
        return {"label": common or t["class"], **empty}
    above = {level: t[level].capitalize() for level in LEVELS[:-1]}
    binomial = f"{t['genus']} {t['species']}".capitalize() if t["genus"] and t["species"] else ""
    words = len(binomial.split())
    if words in (2, 3):
        scientific, rank = binomial, ("species" if words == 2 else "subspecies")
    else:
        rank = next((level for level in reversed(LEVELS[:-1]) if above[level]), "kingdom")
        scientific = above.get(rank, "Animalia")
    for finer in LEVELS[:-1][LEVELS.index(rank) + 1 :] if rank in LEVELS else []:
        above[finer] = ""
    return {
        "label": common or scientific,
        "scientific": scientific,
        "rank": rank,
        "english": common or scientific,
        **above,
    }


def table(lines: list[str]) -> tuple[list[dict], int]:
    """All rows; and how many said another parent or another English name of a taxon than a row before them, and were
    given the first one's."""
    rows, parents, english, labels, changed = [], {}, {}, set(), 0
    for line in lines:
        r = row(line)
        if r["label"] in labels:
            r["label"] = f"{r['label']} ({r['scientific'] or taxon(line)['uuid']})"
        labels.add(r["label"])
        if r["scientific"]:
            before = dict(r)
            r["english"] = english.setdefault(r["scientific"], r["english"])
            for child, parent in (("genus", "family"), ("family", "order"), ("order", "class")):
                if r[child] and r[parent]:
                    r[parent] = parents.setdefault((child, r[child]), r[parent])
            changed += before != r
        rows.append(r)
    return rows, changed


def forbidden(rules: dict, country: str | None, region: str | None) -> bool:
    """Whether SpeciesNet's rules for one taxon forbid it: `allow` and `block` are countries with their regions, and no
    region means all of the country."""
    if not country:
        return False
    allow, block = rules.get("allow") or {}, rules.get("block") or {}
    if allow and country not in allow:
        return True
    if allow and region and allow[country] and region not in allow[country]:
        return True
    return country in block and (not block[country] or (bool(region) and region in block[country]))


def fence(
    lines: list[str], rows: list[dict], rules: dict, country: str | None, region: str | None
) -> tuple[list, list]:
    """Scientific names forbidden and permitted. A higher taxon whose own rule forbids it is left out of the forbidden
    ones where something below it is permitted, since Trapline forbids all below a name."""
    out: dict[bool, list[str]] = {True: [], False: []}
    for line, r in zip(lines, rows, strict=True):
        if r["scientific"]:
            key = ";".join(taxon(line)[level] for level in LEVELS)
            out[forbidden(rules.get(key, {}), country, region)].append(r["scientific"])
    permitted = set(out[False])
    above = {r[level] for r in rows if r["scientific"] in permitted for level in LEVELS[:-1]}
    above |= {" ".join(name.split()[:2]) for name in permitted}
    block = sorted({name for name in out[True] if name not in permitted and name not in above})
    return block, sorted(permitted - {"Animalia"})


def main() -> None:
    parser = arguments(__doc__, "the published classifier (.pt)", BACKBONES)
    parser.add_argument("--labels", type=Path, required=True, help="its labels, one a line")
    parser.add_argument(
        "--taxonomy", type=Path, help="its taxonomy, to say which ranks SpeciesNet would not roll up to"
    )
    parser.add_argument("--geofence", type=Path, help="its geofence (.json)")
    parser.add_argument("--country", help="ISO 3166-1 alpha-3")
    parser.add_argument("--region", help="two letters, within the country")
    parser.add_argument("--size", type=int, default=480, help="of random weights (default 480)")
    args = parser.parse_args()
    seeded()
    if args.country and (len(args.country) != 3 or not args.geofence):
        raise SystemExit("--country takes three letters (CHE, USA) and needs --geofence")
    lines = [line.strip() for line in args.labels.read_text(encoding="utf-8").splitlines() if line.strip()]
    rows, changed = table(lines)
    print(f"{len(rows)} labels, {changed} of them brought in line with an earlier one")
    if args.taxonomy:
        known = {
            ";".join(taxon(t)[level] for level in LEVELS) for t in args.taxonomy.read_text().split("\n") if t.strip()
        }
        keys = [[taxon(line)[level] for level in LEVELS] for line in lines]
        ranks = {";".join([*k[:n], *[""] * (5 - n)]) for k in keys for n in range(1, 5) if k[n - 1]}
        print(f"{len(ranks - known)} of {len(ranks)} higher taxa are not in the taxonomy: only Trapline names those")
    if args.weights is None:
        inner = timm.create_model(BACKBONES[args.arch or "m"], pretrained=False, num_classes=len(rows))
        network: torch.nn.Module = Upright(inner)
    else:
        network = torch.load(args.weights, map_location="cpu", weights_only=False).float()
    size = args.size if args.weights is None else 480
    card = Card(
        role="classifier", name=args.out.name, version="4.0.0a", licence="Apache-2.0", size=(size, size),
        source="https://github.com/google/cameratrapai", decode="logits", outputs=("logits",), layout="nhwc",
        resize={"rule": "stretch"}, labels=rows, notes=["Judge by its own rule with `trapline sort --rule speciesnet`."],
    )  # fmt: skip
    args.out.mkdir(parents=True, exist_ok=True)
    if args.geofence:
        rules = json.loads(args.geofence.read_text(encoding="utf-8"))
        block, permitted = fence(lines, rows, rules, args.country, args.region)
        where = " ".join(filter(None, [args.country, args.region])) or "no country given"
        text = f"# SpeciesNet's geofence, {where}. Goes into trapline.toml.\n[species]\nblock = {json.dumps(block)}\n"
        (args.out / "fence.toml.txt").write_text(text, encoding="utf-8")
        (args.out / "species.txt").write_text(f"# {where}\n" + "\n".join(permitted) + "\n", encoding="utf-8")
        print(f"geofence, {where}: {len(block)} taxa forbidden, {len(permitted)} permitted")
    if args.weights is None:
        wake(network, card, args.photos)
    finish(network, card, args)


if __name__ == "__main__":
    main()
