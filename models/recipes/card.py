"""Writes what ships beside a network: manifest, labels and model card, with the numbers that were measured.

python card.py --work DIR --models models --version 0.1.0 --world "…"
"""

import argparse
import csv
import hashlib
import json
import shutil
from pathlib import Path

from data import taxa
from individuals_card import decided, identity_rows, individuals_section, percent, verdict
from network import CLASSES

MANIFEST = """\
# {title} of the bench world: knows rendered pictures and no real animal. See README.md.
role = "{role}"
name = "{name}"
version = "{version}"
file = "{name}.onnx"
sha256 = "{sha256}"
licence = "MIT OR Apache-2.0"
source = "models/recipes"
{more}
[input]
name = "images"
width = {side}
height = {side}
layout = "nchw"
colour = "rgb"
dtype = "f32"
scale = 0.00392156862745098 # pixels as 0..1

[input.resize]
{resize}

[output]
name = "{output}"
decode = "{decode}"
{tail}"""

WARNING = """\
> **This network knows the bench world and no real animal.** It was trained only on pictures that Trapline's own
> renderer made, so that `trapline demo` and the tests need nothing from elsewhere. On real photos its answers mean
> nothing: bring a model trained on real pictures instead (`--model FILE`).
"""


def steps(r: dict) -> str:
    """How long the training was, and what came before it."""
    return f"{r['steps']} steps" + (
        f" after {r['earlier_steps']} of an earlier run (so one run of the command gives other weights),"
        if r["earlier_steps"]
        else ""
    )


def detector_card(r: dict, size: int, world: str) -> str:
    """The detector's model card."""
    rows = "\n".join(
        f"| {name} | {row['boxes']} | {percent(row['recall'])} | {percent(row['precision']) if 'precision' in row else ''} |"
        for name, row in r["rows"].items()
    )
    precisions = ", ".join(f"{name} {r['ap50'][name]:.3f}" for name in CLASSES)
    false = r["empty_frames_with_a_box"]
    return f"""\
# bench-detector

{WARNING}
Finds animals, people and vehicles in the bench world. Input 320×320 RGB in 0..1, letterboxed in the middle on grey
114; output `[1, 7, 2100]` in YOLOv8's form: cx, cy, w, h in input pixels, then a score for each of {", ".join(CLASSES)}.
Plain convolutions with ReLU, strides 8, 16 and 32, no anchors: {r["parameters"]:,} parameters, {size:,} bytes. The weights are
stored as int8 with a scale per output channel and become f32 when loaded. Licence: MIT OR Apache-2.0, as the project's.

## How it was made
`models/recipes/train.sh` ({world}; seed {r["seed"]}, {steps(r)} of {r["batch"]} pictures from {r["frames"]} frames,
{r["minutes"]:.0f} minutes, {r["threads"]} thread(s)). Most training pictures are four
close views side by side, the others whole frames or single close views: the daemon also looks at moving regions at
native resolution.

## Measured
On {r["test_frames"]} whole frames of sites it never saw, by the shipped int8 file, at score {r["threshold"]} (the best F1 on a third set of sites). A box
counts as found at an overlap of 0.5. Boxes of which less than a quarter of the body is visible are not judged. Sizes
are roots of box areas in the network's 320 px.

| | boxes | recall | precision |
|---|---|---|---|
{rows}

Average precision at overlap 0.5: {precisions}; their mean {r["map50"]:.3f} (before int8: {r["map50_f32"]:.3f}).
Of {r["empty_frames"]} empty frames {false} get a box. Int8 against f32 on 50 frames: scores differ by at most {r["parity"]["score"]:.4f}, boxes
scored above 0.2 by at most {r["parity"]["box"]:.2f} px.
"""


def classifier_card(r: dict, size: int, world: str) -> str:
    """The classifier's model card."""
    names = [row["english"] for row in taxa()]
    head = "| true \\ said | " + " | ".join(names) + " | recall |\n" + "|---" * (len(names) + 2) + "|"
    body = "\n".join(
        f"| {name} | "
        + " | ".join(str(n or "·") for n in row)
        + f" | {percent(row[k] / sum(row) if sum(row) else None)} |"
        for k, (name, row) in enumerate(zip(names, r["confusion"], strict=True))
    )
    parts = "\n".join(f"| {name} | {p['crops']} | {percent(p['accuracy'])} |" for name, p in r["parts"].items())
    return f"""\
# bench-classifier

{WARNING}
Names the {len(names)} species of the bench world (`labels.csv`). Input: the square around a box, a fifth larger than its longer side,
clipped to the picture, stretched to 128×128 RGB in 0..1; output `[1, {len(names)}]` logits. Plain residual convolutions:
{r["parameters"]:,} parameters, {size:,} bytes, int8 weights with a scale per output channel that become f32 when loaded. Licence:
MIT OR Apache-2.0, as the project's.

## How it was made
`models/recipes/train.sh` ({world}; seed {r["seed"]}, {steps(r)} of {r["batch"]} crops from {r["frames"]} frames,
{r["minutes"]:.0f} minutes, {r["threads"]} thread(s)): truth boxes with jitter, patches of background over a third of them, species drawn
equally often.

## Measured
On {r["crops"]} truth crops of sites it never saw, by the shipped int8 file: accuracy **{percent(r["accuracy"])}** (before int8
{percent(r["accuracy_f32"])}), mean recall of the species {percent(r["mean_recall"])}. Animals of which less than a quarter is visible are left out.

| | crops | accuracy |
|---|---|---|
{parts}

Temperature {r["temperature"]}, fitted on a third set of sites. Negative log-likelihood before {r["nll"][0]:.3f}, after {r["nll"][1]:.3f}; expected
calibration error before {r["ece"][0]:.3f}, after {r["ece"][1]:.3f}. Int8 against f32 on 200 crops: logits differ by at most {r["parity"]["score"]:.3f}.

{head}
{body}
"""


def embedder_card(r: dict, size: int, world: str) -> str:
    """The embedder's model card."""
    places, truth, flat = r["places"], r["true_places"]["flank known"]["all"], r["not_learnt"]["flank known"]["all"]
    return f"""\
# bench-embedder

{WARNING}
Made to tell marked lynx and jaguars of the bench world apart by their coats (how well: below): the crop of one animal
becomes 128 numbers of length 1, and two crops of the same flank of the same individual are to point the same way. Input:
the square around a box, a fifth larger than its longer side, clipped to the picture, stretched to 128×128 RGB in 0..1.
A pyramid of plain convolutions finds 35 points of the trunk, from shoulder to hip and from back to belly; the flank between
them is laid flat (`GridSample`, so ONNX opset 16), its light taken out, and one linear layer turns it into the numbers.
{r["parameters"]:,} parameters, {size:,} bytes, int8 weights with a scale per output channel that become f32 when loaded.
Licence: MIT OR Apache-2.0, as the project's.

It knows the bodies of these two species of the bench world only: the place of a flank is what it learnt, and of real
animals it finds none.

## How it was made
`models/recipes/embedder.py` ({world}; seed {r["seed"]}, {steps(r)} of {r["batch"]} views from {r["frames"]} crops of
{r["learnt_from"]} individuals, {r["minutes"]:.0f} minutes, {r["threads"]} thread(s)). The points are learnt from where the renderer knows
them to be; the linear layer is a discriminant in closed form. Individuals of training, calibration and test have nothing
in common.

## Measured
{verdict(r)}On {r["crops"]} crops of {r["individuals"]} individuals it never saw, by the shipped int8 file. Half of them are in the gallery with two encounters
of each flank, each at a site of its own; a question is the mean of an encounter's crops. Beside it: mean colours on a
grid of 8×8, by the same rules.

| asked | | known / unknown | rank-1 | colours | chance | mAP | colours | AUROC | colours |
|---|---|---|---|---|---|---|---|---|---|
{identity_rows(r["measured"], r["colours"])}

Its points are {places["mean"]:.2f} % of the crop's side from the true ones in the mean, in half of the crops less than {places["half"]:.2f} %, in a
tenth more than {places["tenth"]:.2f} %. With the true points, flank known: rank-1 {percent(truth["rank1"])}, mAP {truth["map"]:.3f}, AUROC {truth["auroc"]:.3f}. With its own points and
nothing learnt after them (the flat flanks compared as they are): {percent(flat["rank1"])}, {flat["map"]:.3f}, {flat["auroc"]:.3f}.

Before int8: rank-1 {percent(r["measured_f32"]["flank known"]["all"]["rank1"])}, mAP {r["measured_f32"]["flank known"]["all"]["map"]:.3f}, AUROC {r["measured_f32"]["flank known"]["all"]["auroc"]:.3f} (flank known). Int8 against f32: cosine at least {r["parity"]["int8_cosine"]:.4f}; ONNX Runtime
against PyTorch: at most {r["parity"]["torch"]:.1e}.

{decided(r)}"""


def install(work: Path, models: Path, role: str, version: str, world: str) -> None:
    """Copies one network into its folder and writes what stands beside it."""
    name = f"bench-{role}"
    folder = models / name
    folder.mkdir(parents=True, exist_ok=True)
    onnx = folder / f"{name}.onnx"
    shutil.copyfile(work / f"{role}.onnx", onnx)
    report = json.loads((work / f"{role}.json").read_text())
    common = {"role": role, "name": name, "version": version, "title": role.capitalize()}
    common["sha256"] = hashlib.sha256(onnx.read_bytes()).hexdigest()
    if role == "detector":
        text = MANIFEST.format(
            **common, more="", side=320, output="output", decode="yolov8",
            resize='rule = "letterbox"\nalign = "centre"\npad = 114',
            tail="\n[classes]\nanimal = [0]\nperson = [1]\nvehicle = [2]\n"
            f"\n[thresholds]\ndetection = {report['threshold']}\nlow = 0.02\nnms_iou = 0.6\n",
        )  # fmt: skip
        card = detector_card(report, onnx.stat().st_size, world)
    elif role == "embedder":
        curve = report["curve"]
        text = MANIFEST.format(
            **common, more="", side=128, output="embedding", decode="embedding",
            resize='rule = "square"\nmargin = 0.2',
            tail=individuals_section(curve),
        )  # fmt: skip
        card = embedder_card(report, onnx.stat().st_size, world)
    else:
        text = MANIFEST.format(
            **common, more=f'temperature = {report["temperature"]}\nlabels = {{ file = "labels.csv" }}\n', side=128,
            output="logits", decode="logits", resize='rule = "square"\nmargin = 0.2', tail="",
        )  # fmt: skip
        card = classifier_card(report, onnx.stat().st_size, world)
        with open(folder / "labels.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, taxa()[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(taxa())
    (folder / "manifest.toml").write_text(text)
    (folder / "README.md").write_text(card)


def main() -> None:
    """Installs the networks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--version", default="0.1.0")
    parser.add_argument("--world", default="the bench world", help="which world it was, for the cards")
    parser.add_argument("--roles", nargs="+", default=["detector", "classifier"])
    args = parser.parse_args()
    for role in args.roles:
        install(args.work, args.models, role, args.version, args.world)


if __name__ == "__main__":
    main()
