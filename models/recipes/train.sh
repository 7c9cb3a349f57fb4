#!/bin/sh
# Makes the bundled networks: renders the bench world, trains, quantises, measures, writes manifests and cards.
# Usage, from anywhere: models/recipes/train.sh          (an hour or two on two free cores, 10 GB of memory)
# PYTHON: an interpreter with requirements.txt installed. WORK: where pictures and trained weights go. MODELS: where the
# networks' folders are written (default: models/, over those that ship). SCALE: percent of bursts and steps, for a quick
# try (default 100; at least 5). TRAPLINE: a program that renders, in the place of one built here; PROFILE: cargo's of
# what is built here (default release).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
python=${PYTHON:-python3}
scale=${SCALE:-100}
profile=${PROFILE:-release}
folder() { mkdir -p "$1" && cd "$1" && pwd; }
work=$(folder "${WORK:-$root/target/recipes}")
models=$(folder "${MODELS:-$root/models}")
program=${TRAPLINE:-}
# Waiting threads sleep: on a busy machine spinning ones take the time of those they wait for.
export OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0

share() { echo $(($1 * scale / 100)); }

draw() { # options of `trapline world`
    if [ -n "$program" ]; then "$program" world "$@"; else
        (cd "$root" && cargo run --quiet --profile "$profile" -- world "$@")
    fi
}
render() { # name bursts seed share-of-empties
    [ -f "$work/$1/done" ] && return
    draw "$work/$1" --bursts "$(share "$2")" --seed "$3" --size 640x480 --empties "$4"
    touch "$work/$1/done"
}
# Different seeds share no site. The threshold and the temperature are chosen on `check`, all else is told of `test`.
render first 1000 9001 0.2
render second 750 9004 0.0
render third 750 9005 0.0
render check 140 9002 0.4
render test 200 9003 0.4

learn() { # script steps data-sets…
    script=$1 steps=$(share "$2")
    shift 2
    "$python" -W ignore "$here/$script.py" --check "$work/check" --test "$work/test" --work "$work" --steps "$steps" "$@"
}
learn detector 4000 --train "$work/first" "$work/second" "$work/third"
learn classifier 2000 --train "$work/first" "$work/second" "$work/third"
world="2500 bursts of seeds 9001, 9004 and 9005 at 640×480"
[ "$scale" = 100 ] || world="$world, $scale % of them"
"$python" "$here/card.py" --work "$work" --models "$models" --world "$world"
# What the clues of a burst weigh when this detector looked; it knows this world, so little is left to the defaults.
for set in check test; do
    (cd "$root" && cargo run --quiet --profile "$profile" --example clues -- "$models/bench-detector/manifest.toml" "$work/$set")
done >"$work/clues.jsonl"
"$python" "$here/fit_fusion.py" "$work/clues.jsonl" --prior 3 --manifest "$models/bench-detector/manifest.toml"

# Individuals: numbers of their own in each set, and none that the bursts above could show (they draw 0 to 39).
marked() { # name individuals first encounters seed
    [ -f "$work/$1/done" ] && return
    draw "$work/$1" --individuals "$(share "$2")" --first "$3" --encounters "$4" --seed "$5" --size 480x360
    touch "$work/$1/done"
}
marked coats 60 1000 5 11
marked more-coats 120 1100 4 14
marked coats-check 30 2000 4 12
marked coats-test 40 3000 4 13
"$python" -W ignore "$here/embedder.py" --train "$work/coats" "$work/more-coats" --check "$work/coats-check" \
    --test "$work/coats-test" --work "$work" --steps "$(share 2200)"
world="180 lynx and 180 jaguars of seeds 11 and 14 at 480×360"
[ "$scale" = 100 ] || world="$world, $scale % of them"
"$python" "$here/card.py" --work "$work" --models "$models" --world "$world" --roles embedder
