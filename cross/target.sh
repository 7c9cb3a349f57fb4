# What the scripts of this folder know of a target; to be sourced: . cross/target.sh TARGET
# Sets target, arch (Debian's name), gcc (prefix of the cross compiler), emulator (qemu's name), features, profile and
# built (where cargo leaves the program), and names compiler and linker to cargo.
# shellcheck shell=bash disable=SC2034 # What is set here is used by those who source it.
target=${1:-}
case $target in
    aarch64-unknown-linux-gnu) arch=arm64 gcc=aarch64-linux-gnu emulator=aarch64 ;;
    armv7-unknown-linux-gnueabihf) arch=armhf gcc=arm-linux-gnueabihf emulator=arm ;;
    x86_64-unknown-linux-gnu) arch=amd64 gcc=x86_64-linux-gnu emulator=x86_64 ;;
    *)
        awk 'NR > 1 { if (!sub(/^# ?/, "")) exit; print }' "$0" >&2
        exit 2
        ;;
esac

root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Installs a Debian package for each program that is missing: PROGRAM=PACKAGE …
need() {
    local pair missing=()
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    [ ${#missing[@]} = 0 ] && return
    root apt-get update -qq
    root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

need "$gcc-gcc=gcc-${gcc//_/-}" "$gcc-g++=g++-${gcc//_/-}"
if command -v rustup >/dev/null; then
    rustup target add "$target" >/dev/null 2>&1 || true
fi

features=onnxruntime
profile=${PROFILE:-release}
upper=${target^^} upper=${upper//-/_} lower=${target//-/_}
export "CARGO_TARGET_${upper}_LINKER=$gcc-gcc" "CC_$lower=$gcc-gcc" "CXX_$lower=$gcc-g++" "AR_$lower=$gcc-ar"
built=${CARGO_TARGET_DIR:-target}/$target/$([ "$profile" = dev ] && echo debug || echo "$profile")/trapline
