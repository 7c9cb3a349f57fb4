#!/usr/bin/env bash
# Makes docs/accuracy.md: sorts the shared photos with public networks and measures against their labels.
#
#   docs/accuracy.sh > docs/accuracy.md
#
# Needs a release build (or TRAPLINE, another program) and the shared photos and models (TRAPLINE_SHARED, default
# ../shared). `docs/accuracy.sh closer` prints the last two sections alone.
set -euo pipefail
cd "$(dirname "$0")/.."
export TRAPLINE_SHARED="${TRAPLINE_SHARED:-../shared}"
trapline=${TRAPLINE:-target/release/trapline}
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

# A pack of the networks named, in the folder `work/NAME`, with the lines of standard input at the end of its pack.toml.
pack() { # name models, of tests/models
    folder=$work/$1
    mkdir -p "$folder"
    printf 'pack = "%s"\nversion = "1"\nmodels = [%s]\n' "$1" "$2" >"$folder/pack.toml"
    cat >>"$folder/pack.toml"
    for model in yolox_nano imagenet_mobilenetv2 imagenet_mobilenetv2_int8 inat_birds; do
        mkdir -p "$folder/$model"
        sed "s|\"../../models/|\"$PWD/models/|" "tests/models/$model.toml" >"$folder/$model/model.toml"
    done
}
closer() {
    printf '\n## Closer looks\n\n'
    cat <<'TEXT'
What `--look` and `[look]` in a manifest can add, each alone and together, by whole runs of `trapline sort` with the starter's
networks over all photos; one row is one program run over all sites. "kept" is not called empty. The columns with numbers of
false alarms do not use the program's own threshold: "at 1 false alarm" counts the animals more probable than all empties
but one; "held out" sets the threshold for each site on the three others (2 false alarms there) and adds up what it does on
the site itself, so that a look that was only fitted to one camera does not shine. "tiles" are the four overlapping quarters,
"tiles-unseen" only where the whole frame shows nothing,
"tiles-alone" only on such photos that stand alone, "contrast" levels pictures without colour, "mirror" detects and
"mirror-names" classifies once more as in a mirror. Second looks at what moved (motion crops) and scores by their odds are in
every row. Processor time is of this run, load and all: read its ratios.

TEXT
    pack starter '"yolox_nano", "imagenet_mobilenetv2"' <<'TEXT'
[[second]]
on = "Aves"
model = "inat_birds"
TEXT
    python3 docs/looks.py "$trapline" "$TRAPLINE_SHARED" looks "$work/starter"
    printf '\n## Several classifiers and second heads\n\n'
    cat <<'TEXT'
Names of all sequences with an animal, by the true family: right is that family, something within it, or what the truth
accepts where it is coarser. ImageNet in floats and in bytes are two forms of one network: what they differ in is rounding,
so their mean cannot know more. The birds (iNaturalist) name a bird for anything, so as a member they only say which bird.

TEXT
    pack imagenet '"yolox_nano", "imagenet_mobilenetv2"' </dev/null
    pack imagenet-int8 '"yolox_nano", "imagenet_mobilenetv2_int8"' </dev/null
    pack both-probabilities '"yolox_nano", "imagenet_mobilenetv2", "imagenet_mobilenetv2_int8"' <<'TEXT'
[ensemble]
mean = "probabilities"
TEXT
    pack both-logits '"yolox_nano", "imagenet_mobilenetv2", "imagenet_mobilenetv2_int8"' <<'TEXT'
[ensemble]
mean = "logits"
TEXT
    pack birds-probabilities '"yolox_nano", "imagenet_mobilenetv2", "inat_birds"' <<'TEXT'
[ensemble]
mean = "probabilities"
TEXT
    pack birds-logits '"yolox_nano", "imagenet_mobilenetv2", "inat_birds"' <<'TEXT'
[ensemble]
mean = "logits"
TEXT
    python3 docs/looks.py "$trapline" "$TRAPLINE_SHARED" ensembles "$work"/{imagenet,imagenet-int8,both-probabilities} \
        "$work"/{both-logits,birds-probabilities,birds-logits,starter}
}
if [ "${1:-}" = closer ]; then
    closer
    exit
fi

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
closer
