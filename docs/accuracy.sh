#!/usr/bin/env bash
# Makes docs/accuracy.md: sorts the shared photos with public networks and measures against their labels.
#
#   docs/accuracy.sh > docs/accuracy.md
#
# Needs a release build and the shared photos and models (TRAPLINE_SHARED, default ../shared).
set -euo pipefail
cd "$(dirname "$0")/.."
export TRAPLINE_SHARED="${TRAPLINE_SHARED:-../shared}"
trapline=target/release/trapline
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sort() { # folder models…
    folder=$1
    shift
    "$trapline" sort "$TRAPLINE_SHARED/photos/$folder" --json --quiet "$@" >"$work/$folder.jsonl" 2>/dev/null
}
measure() { # folder
    "$trapline" eval --truth "$TRAPLINE_SHARED/photos/labels.csv" --predictions "$work/$1.jsonl" \
        --map tests/models/truth_map.csv --taxa models/starter/imagenet_taxa.csv --markdown | sed 's/^## /### /'
}
networks=(--model tests/models/yolox_nano.toml --model tests/models/imagenet_mobilenetv2.toml)

cat <<'TEXT'
# Accuracy

Every table here is printed by `docs/accuracy.sh`, from real photos with public networks that never saw a camera trap:
YOLOX-nano (trained on COCO) finds boxes, MobileNetV2 (trained on ImageNet) names what is in them. ImageNet knows no
deer, paca or tapir, so their photos can at best be named at a higher rank; a name at a higher rank that contains the
truth is counted apart. The photos are few: read the tables as examples, not as rates.

The commands, per folder:

    trapline sort DIR --json --model tests/models/yolox_nano.toml \
        --model tests/models/imagenet_mobilenetv2.toml > found.jsonl
    trapline eval --truth labels.csv --predictions found.jsonl --map tests/models/truth_map.csv \
        --taxa models/starter/imagenet_taxa.csv --markdown

What the bundled networks do on the bench world is in their cards, `models/bench-detector/README.md` and
`models/bench-classifier/README.md`.
TEXT
printf '\n## Peru: 20 bursts of three, day and night\n\n'
sort peru "${networks[@]}"
measure peru
printf '\n## Peru without any network: motion alone\n\nSpecies cannot be named; what counts is empty against animal.\n\n'
sort peru
measure peru | sed -n '1,/^| class/p' | sed '$d'
printf '\n## ENA24: 21 single frames\n\nA single frame shows no motion: the detector alone decides.\n\n'
sort ena24 "${networks[@]}"
measure ena24
printf '\n## Southwest: 32 photos of many cameras\n\n'
sort southwest "${networks[@]}"
measure southwest
printf '\n## Sweden: 24 thumbnails of 640×360, mostly infrared\n\n'
sort sweden "${networks[@]}"
measure sweden
