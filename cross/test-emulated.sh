#!/usr/bin/env bash
# Trapline for another processor under qemu's user emulation: its unit tests, and the day of `trapline demo`, whose
# verdicts must be those of a program for this machine.
#
#   cross/test-emulated.sh aarch64-unknown-linux-gnu target/debug/trapline
#
# In the environment: PROFILE (default `emulated`, made for this: tests need other parts of their dependencies than the
# program alone, so that nothing of cross/build.sh's would be of use), CARGO_TARGET_DIR, BURSTS (of the demo; default 8,
# 0: no demo), TESTS (of the unit tests, those whose names have this in them), FEATURES (cargo's arguments in place of the
# package's features: "--no-default-features --features std,console" leaves tract out).
set -euo pipefail
cd "$(dirname "$0")/.."
PROFILE=${PROFILE:-emulated}
# shellcheck source=cross/target.sh
. cross/target.sh "$@"
native=$(realpath "${2:-target/debug/trapline}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

need "qemu-$emulator-static=qemu-user-static" python3=python3
# The target's own libraries: under qemu those of the cross compiler hang when a thread starts.
if [ "$arch" != "$(dpkg --print-architecture)" ] && ! dpkg -s "libc6:$arch" "libstdc++6:$arch" >/dev/null 2>&1; then
    root dpkg --add-architecture "$arch"
    root apt-get update -qq
    root apt-get install -y -qq --no-install-recommends "libc6:$arch" "libgcc-s1:$arch" "libstdc++6:$arch" >/dev/null
fi
# The program would start itself anew to say so to ONNX Runtime, which is no part of this test.
export ORT_DISABLE_TELEMETRY=1 MIMALLOC_EAGER_COMMIT=0 MIMALLOC_ARENA_EAGER_COMMIT=0
unset ORT_DYLIB_PATH

read -r -a with <<<"${FEATURES:---features $features}"
# With a story among what is built, cargo builds the program too.
story=(--test rooms)
[ "${BURSTS:-8}" != 0 ] || story=()
begun=$SECONDS
cargo test --locked --profile "$profile" --target "$target" "${with[@]}" --lib "${story[@]}" --no-run
tests=$(cargo test --locked --profile "$profile" --target "$target" "${with[@]}" --lib --no-run \
    --message-format json 2>/dev/null | python3 -c '
import json, sys
for line in sys.stdin:
    if line.startswith("{"):
        said = json.loads(line)
        if said.get("executable") and said["target"]["kind"] == ["lib"]:
            print(said["executable"])')
echo "built for $target: $((SECONDS - begun)) s"

# What would take minutes under emulation: a day of the bench world, rendered.
left_out=(visits_of_the_bench_worlds_day)
skip=()
for test in "${left_out[@]}"; do skip+=(--skip "$test"); done
begun=$SECONDS
# As cargo would: tests read it.
export CARGO_MANIFEST_DIR=$PWD
"qemu-$emulator-static" "$tests" --test-threads 2 "${skip[@]}" ${TESTS:+"$TESTS"}
echo "unit tests on $target: $((SECONDS - begun)) s"

[ "${BURSTS:-8}" != 0 ] || exit 0
begun=$SECONDS
"qemu-$emulator-static" "$built" demo --json --bursts "${BURSTS:-8}" >"$work/emulated"
echo "demo on $target: $((SECONDS - begun)) s"
"$native" demo --json --bursts "${BURSTS:-8}" >"$work/native"
python3 - "$work/native" "$work/emulated" <<'COMPARE'
import json, sys

def bursts(file):
    rows = [json.loads(line) for line in open(file)]
    return [row for row in rows if "burst" in row]

def verdict(row):
    """What is told of a burst, without scores and without the time it took."""
    told = [(s["label"], s["rank"], s["taxon"], s["count"], s["tracks"]) for s in row["sightings"]]
    return row["triggered"], row["frames"], row["failed"], row["outcome"], row["mark"], told

def scores(row):
    return [row["probability"]] + [s["score"] for s in row["sightings"]]

native, emulated = (bursts(file) for file in sys.argv[1:])
assert native and len(native) == len(emulated), (len(native), len(emulated))
furthest = 0
for here, there in zip(native, emulated):
    assert verdict(here) == verdict(there), f"\n{verdict(here)}\n{verdict(there)}"
    furthest = max([furthest] + [abs(a - b) for a, b in zip(scores(here), scores(there))])
# The two processors add a network's products up in another order.
assert furthest < 0.01, f"scores differ by {furthest}"
print(f"{len(native)} bursts: the same verdicts; scores differ by {furthest:.6f} at most")
COMPARE
