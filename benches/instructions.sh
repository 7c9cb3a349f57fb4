#!/usr/bin/env bash
# Counts the instructions of a fixed piece of work (examples/instructions.rs) and holds them against those that were kept.
# Exits with 1 when a stage takes more than the tolerance above them.
#
#   benches/instructions.sh [--keep]                              x86-64, under valgrind: benches/instructions.txt
#   benches/instructions.sh [--keep] aarch64-unknown-linux-gnu    under qemu: benches/instructions-aarch64.txt
#
# --keep writes the counts that were found into the file. Counts do not depend on how busy a machine is, and hardly on
# which: valgrind shows programs no processor newer than one with AVX2, and qemu a Cortex-A53, so that what the resizer and
# the C library choose is the same everywhere. They are no times. The tolerance is 3 %; with another compiler than
# the file was made with, 15 %. The first needs valgrind and an x86-64 machine; the second what cross/test-emulated.sh
# needs, whose build it shares, and Debian's qemu-user (the static one takes no plugins).
set -euo pipefail
cd "$(dirname "$0")/.."
keep=
if [ "${1:-}" = --keep ]; then keep=1; shift; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -n "${1:-}" ]; then
    # shellcheck source=cross/target.sh
    . cross/target.sh "$@"
    need "qemu-$emulator=qemu-user" gcc=gcc
    profile=${PROFILE:-emulated}
    # The crate itself as below.
    export CARGO_PROFILE_EMULATED_OPT_LEVEL=1
    kept=benches/instructions-$emulator.txt
    cargo build --locked --quiet --profile "$profile" --target "$target" --features "$features" --example instructions
    program=${CARGO_TARGET_DIR:-target}/$target/$profile/examples/instructions
    gcc -shared -fPIC -O2 -o "$work/count.so" benches/count.c
    # The cross compiler's libraries will do: the work is one thread's (cross/test-emulated.sh says why it takes others).
    export QEMU_LD_PREFIX=/usr/$gcc
    run() { "qemu-$emulator" -cpu cortex-a53 "$program" "$1" "$work"; }
    counted() {
        "qemu-$emulator" -cpu cortex-a53 -plugin "$work/count.so" -d plugin -D "$work/count" "$program" "$1" "$work" &&
            awk '/^instructions:/ { print $2 }' "$work/count"
    }
else
    kept=benches/instructions.txt
    [ "$(uname -m)" = x86_64 ] || { echo "skipped: the counts kept are those of x86-64"; exit 0; }
    # The features that the tests are built with, so that no dependency is built twice; the crate itself a little
    # optimised: without that the counts are of what the compiler left standing, and not of the work.
    CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_OPT_LEVEL=1 cargo build --locked --quiet --features onnxruntime \
        --example instructions
    program=target/debug/examples/instructions
    run() { "$program" "$1" "$work"; }
    counted() {
        valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" "$work" 2>&1 |
            awk '/Collected :/ { print $4 }'
    }
fi
run write

nothing=$(counted nothing)
decode=$(counted decode)
resize=$(counted resize)
motion=$(counted motion)
parts=$(counted parts)
compiler=$(rustc --version | cut -d' ' -f2)
found=$(printf 'compiler %s\ndecode %d\nresize %d\nmotion %d\nparts %d\n' "$compiler" $((decode - nothing)) \
    $((resize - decode)) $((motion - decode)) $((parts - decode)))
if [ -n "$keep" ]; then
    {
        echo "# Instructions by stage, made with: benches/instructions.sh --keep${1:+ $1}"
        echo "# decode: two frames of 8 megapixels decoded small. resize, motion, parts: what the detector's picture of each, a"
        echo "# comparison of both, and three cut-outs of 500 x 416 pixels at full resolution of each add to that."
        echo "$found"
    } >"$kept"
fi
awk -v found="$found" '
    BEGIN {
        n = split(found, lines, "\n")
        for (i = 1; i <= n; i++) { split(lines[i], word, " "); now[word[1]] = word[2] }
    }
    /^#/ { next }
    $1 == "compiler" { limit = $2 == now["compiler"] ? 3 : 15; print "compiler " now["compiler"] ", tolerance " limit " %"; next }
    {
        change = 100 * (now[$1] - $2) / $2
        printf "%-8s %12.0f kept, %12.0f now, %+.1f %%\n", $1, $2, now[$1], change
        if (change > limit) worse = worse " " $1
        if (change < -limit) better = better " " $1
    }
    END {
        if (better) print "fewer instructions than before:" better "; keep them with benches/instructions.sh --keep"
        if (worse) { print "more instructions than before:" worse; exit 1 }
    }' "$kept"
