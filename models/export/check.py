"""Every exporter on random weights: PyTorch, ONNX Runtime and tract side by side, as a table.

    python models/export/check.py --photos PHOTOS --trapline target/debug/trapline          small architectures
    python models/export/check.py --photos PHOTOS --trapline target/debug/trapline --full   the true ones; 8 GB, an hour

Per network: the ONNX file; how far each engine is from PyTorch, and PyTorch in 32 bits from itself in 64 where that was
asked; the share of decisions that are PyTorch's; processor time of a pass (the engines' as a multiple of PyTorch's) and
memory held at most (the exporter's: export and comparison).

The models go to target/exports and stay there. Exits with 1 where an export fails or the engines disagree.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SMALL = {
    "MegaDetector v5: YOLOv5n6, 320": ["megadetector.py", "--arch", "v5-small"],
    "MDv6: YOLOv9t, 320": ["megadetector.py", "--arch", "v9-small"],
    "MDv6: YOLOv10n, 320": ["megadetector.py", "--arch", "v10-small"],
    "MDv1000: YOLO11n, 320": ["megadetector.py", "--arch", "v11-small"],
    "DeepFaune: DINOv2 ViT-S/14, 182, and bird head": ["deepfaune.py", "--arch", "vit-s", "--with-birds"],
    "SpeciesNet: EfficientNetV2-B0, 224": ["speciesnet.py", "--arch", "b0", "--size", "224", "SPECIES"],
    "MegaDescriptor: Swin-T, 224": ["embedder.py", "--arch", "megadescriptor-t-224"],
    "MiewID: EfficientNetV2-RW-T, 224": ["embedder.py", "--arch", "miewid-small"],
    "timm: MobileNetV3-L, 224": ["classifier.py", "--timm", "mobilenetv3_large_100", "TAXA"],
}
FULL = {
    "DeepFaune: DINOv2 ViT-L/14, 182": ["deepfaune.py", "--arch", "vit-l"],
    "MegaDetector v5a: YOLOv5x6, 1280": ["megadetector.py", "--arch", "v5a"],
    "SpeciesNet: EfficientNetV2-M, 480": ["speciesnet.py", "--arch", "m", "SPECIES"],
    "MDv6: RT-DETR-c, 640": ["megadetector.py", "--arch", "v6-rtdetr-c"],
    "MDv6: YOLOv10-c, 640": ["megadetector.py", "--arch", "v6-yolov10-c"],
    "MDv1000 sorrel: YOLO11s, 960": ["megadetector.py", "--arch", "sorrel"],
    "MiewID: EfficientNetV2-RW-M, 440": ["embedder.py", "--arch", "miewid"],
    "DINOv2-S, 224": ["embedder.py", "--arch", "dinov2-s"],
    "MDv6: YOLOv9-c, 640": ["megadetector.py", "--arch", "v6-yolov9-c"],
    "MDv1000 spruce: YOLOv5s, 640": ["megadetector.py", "--arch", "spruce"],
    "MDv1000 larch: YOLO11l, 640": ["megadetector.py", "--arch", "larch"],
    "DINOv2-B, 224": ["embedder.py", "--arch", "dinov2-b"],
    "MegaDescriptor-L-384: Swin-L": ["embedder.py", "--arch", "megadescriptor-l-384"],
}
LINE = re.compile(r"^  (\S+) +(\S+) +apart (\S+) +cosine (\S+)(?:.*?(boxes matched|same \w+ \w+) (\S+) of (\d+))?")
COST = re.compile(r"^  (\S+) +pass (\d+) ms of processor  at most (\d+) MB")
NOISE = re.compile(r"32 bits against 64: ([^)\s]+)\)")


def species_files(folder: Path) -> list[str]:
    """Labels, taxonomy and geofence in SpeciesNet's form, of an invented fauna as large as SpeciesNet's."""
    labels = ["0;;;;;;blank", "1;;;;;;vehicle", "2;mammalia;primates;hominidae;homo;sapiens;human", "3;;;;;;animal"]
    rules = {}
    number = 4
    while len(labels) < 2498:
        genus, family = number // 3, number // 12
        parts = ["mammalia", f"ordo{family // 8}", f"familia{family}", f"genus{genus}", f"species{number}"]
        labels.append(";".join([str(number), *parts, f"animal {number}"]))
        allow = {"CHE": [], "USA": ["CA"]} if number % 2 else {}
        rules[";".join(parts)] = {"allow": allow, "block": {"FRA": []} if number % 5 == 0 else {}}
        number += 1
    (folder / "labels.txt").write_text("\n".join(labels))
    (folder / "geofence.json").write_text(json.dumps(rules))
    return ["--labels", str(folder / "labels.txt"), "--geofence", str(folder / "geofence.json"), "--country", "CHE"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--trapline", type=Path, help="the program, for tract and for `models verify`")
    parser.add_argument("--full", action="store_true", help="the true architectures")
    parser.add_argument("--only", help="those whose name holds this")
    parser.add_argument("--most", type=int, help="photos to compare on (default 2; with --full 4)")
    parser.add_argument("--no-costs", action="store_true", help="neither processor time nor memory: half of the work")
    parser.add_argument("--quantise", action="store_true", help="also the int8 forms")
    parser.add_argument("--calibrate", type=int, default=48, help="photos to calibrate those on (default 48)")
    parser.add_argument("--out", type=Path, default=HERE.parent.parent / "target" / "exports")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    more = {"SPECIES": species_files(args.out), "TAXA": ["--labels", str(HERE / "taxa" / "deepfaune.csv")]}
    head = ["network", "MB", "onnxruntime", "tract", "32 bits against 64", "decisions: onnxruntime, tract"]
    head += ["PyTorch, ms of processor", "onnxruntime", "tract", "onnxruntime, MB held", "tract", "exporter", "seconds"]
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|", flush=True)
    failed = []
    for name, (script, *options) in (FULL if args.full else SMALL).items():
        if args.only and args.only.lower() not in name.lower():
            continue
        began = time.time()
        out = args.out / re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        options = [o for option in options for o in more.get(option, [option])]
        command = [sys.executable, "-W", "ignore", HERE / script, *options, "--out", out, "--photos", args.photos]
        command += ["--most", str(args.most or (4 if args.full else 2)), "--calibrate", str(args.calibrate)]
        command += [] if args.no_costs else ["--costs"]
        command += (["--trapline", args.trapline] if args.trapline else []) + (["--quantise"] if args.quantise else [])
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        (args.out / f"{out.name}.log").write_text(done.stdout + done.stderr)
        apart, said, cost, noise = {}, {}, {}, "–"
        for line in done.stdout.splitlines():
            if match := LINE.match(line):
                engine = match[1].removeprefix("trapline/")
                apart[engine] = max(apart.get(engine, 0.0), float(match[3]))
                if match[5]:
                    said[engine] = (f"{match[5]} of {match[7]}", match[6])
                noise = found[1] if (found := NOISE.search(line)) else noise
            elif match := COST.match(line):
                cost[match[1]] = (int(match[2]), int(match[3]))
        networks = [p for p in out.glob("*.onnx") if not p.stem.endswith(("-int8", "-u8s8"))]
        size = max((p.stat().st_size for p in networks), default=0) / 1e6
        engines = ("onnxruntime", "tract")
        cells = [f"{apart[e]:.0e}" if e in apart else "–" for e in engines]
        what = next((what for what, _ in said.values()), "")
        cells += [noise, f"{what}: {', '.join(said[e][1] if e in said else '–' for e in engines)}" if what else "–"]
        torch = cost.get("torch", (0, 0))
        cells += [str(torch[0] or "–"), *(f"×{cost[e][0] / torch[0]:.2f}" if e in cost else "–" for e in engines)]
        cells += [str(cost[e][1]) if e in cost else "–" for e in engines] + [str(torch[1] or "–")]
        verified = done.returncode
        if args.trapline and not verified:
            verified = subprocess.run(
                [args.trapline, "models", "verify", out], check=False, capture_output=True
            ).returncode
        if verified:
            failed.append(name)
        row = [name, f"{size:.1f}", *cells, f"{time.time() - began:.0f}"]
        print(f"| {' | '.join(row)} |" + " FAILED" * bool(verified), flush=True)
        forms = done.stdout.partition("## Int8 forms")[2]
        print(forms, end="", flush=True)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}; see the logs in {args.out}")


if __name__ == "__main__":
    main()
