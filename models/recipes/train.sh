#!/bin/sh
# Makes both bundled networks: renders the bench world, trains, quantises, measures, writes manifests and cards.
# Usage, from anywhere: models/recipes/train.sh          (about half an hour on two free cores)
# PYTHON: an interpreter with requirements.txt installed. WORK: where pictures and trained weights go.
# BURSTS, DETECTOR_STEPS, CLASSIFIER_STEPS: smaller numbers for a quick try.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
python=${PYTHON:-python3}
work=${WORK:-$root/target/recipes}
bursts=${BURSTS:-1000}
# Waiting threads sleep: on a busy machine spinning ones take the time of those they wait for.
export OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0

render() { # name bursts seed share-of-empties
    [ -f "$work/$1/done" ] && return
    (cd "$root" && cargo run --quiet --release --example world -- "$work/$1" "$2" "$3" 640 480 "$4")
    touch "$work/$1/done"
}
mkdir -p "$work"
# Different seeds share no site. The threshold and the temperature are chosen on `check`, all else is told of `test`.
render train "$bursts" 9001 0.3
render check "$((bursts / 6))" 9002 0.4
render test "$((bursts / 4))" 9003 0.4

sets="--train $work/train --check $work/check --test $work/test --work $work"
# shellcheck disable=SC2086
"$python" "$here/detector.py" $sets --steps "${DETECTOR_STEPS:-3000}"
# shellcheck disable=SC2086
"$python" "$here/classifier.py" $sets --steps "${CLASSIFIER_STEPS:-1500}"
"$python" "$here/card.py" --work "$work" --models "$root/models" --world "$bursts bursts of seed 9001 at 640×480"
