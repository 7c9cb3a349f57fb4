#!/usr/bin/env bash
# Builds Trapline's Debian package for a board, on any Debian or Ubuntu machine:
#
#   cross/build.sh aarch64-unknown-linux-gnu      # Raspberry Pi (64-bit), Jetson
#   cross/build.sh armv7-unknown-linux-gnueabihf  # Raspberry Pi OS, 32-bit
#   cross/build.sh x86_64-unknown-linux-gnu       # a PC
#
# It installs what is missing (as root, or by sudo), builds the release program with the features that the package
# ships, refuses a program that needs a newer C library than Raspberry Pi OS bookworm has, and leaves
# target/debian/trapline_VERSION_ARCH.deb.
#
# In the environment: PROFILE (cargo profile; default release), VERSION (default: Cargo.toml's), WITHOUT_ONNXRUNTIME=1,
# PROGRAM (one that is built already, packed as it is), COMPRESSION (dpkg-deb's; default xz).
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=cross/target.sh
. cross/target.sh "$@"
case $arch in
    arm64) wheel=aarch64 ;;
    amd64) wheel=x86_64 ;;
    *) wheel= ;;
esac
[ -z "${WITHOUT_ONNXRUNTIME:-}" ] || wheel=

# The C library of Raspberry Pi OS bookworm.
newest_glibc=2.36
# ONNX Runtime comes out of its Python package. There is none for 32-bit ARM: there tract computes alone.
onnxruntime=1.32.0
declare -A wheel_sha256=(
    [aarch64]=2303372a85299b6757b0e11e1cbf13e410ddf7e10c37f4b37e99d1c90e7daf7c
    [x86_64]=5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d
)

need dpkg-deb=dpkg unzip=unzip python3=python3
python3 -m pip --version >/dev/null 2>&1 || need no-pip=python3-pip

if [ -n "${PROGRAM:-}" ]; then
    built=$PROGRAM
else
    cargo build --locked --profile "$profile" --target "$target" --features "$features" --bin trapline
fi

stage=$(mktemp -d)
# It becomes the package's root folder, which everybody may enter.
chmod 0755 "$stage"
trap 'rm -rf "$stage"' EXIT
version=${VERSION:-$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)}

# The program, and beside it the library that it looks for there.
install -D -m 0755 "$built" "$stage/usr/lib/trapline/trapline"
"$gcc-strip" "$stage/usr/lib/trapline/trapline"
mkdir -p "$stage/usr/bin"
ln -s ../lib/trapline/trapline "$stage/usr/bin/trapline"

docs=$stage/usr/share/doc/trapline
install -d "$docs"
install -m 0644 README.md CHANGELOG.md "$docs"
cp -r docs "$docs/docs"
if [ -n "$wheel" ]; then
    cache=${CARGO_TARGET_DIR:-target}/onnxruntime-$wheel
    mkdir -p "$cache"
    if ! ls "$cache"/onnxruntime-$onnxruntime-*.whl >/dev/null 2>&1; then
        python3 -m pip download --quiet --no-deps --only-binary=:all: --platform "manylinux_2_28_$wheel" \
            --python-version 3.11 --implementation cp --abi cp311 --dest "$cache" "onnxruntime==$onnxruntime"
    fi
    file=$(echo "$cache"/onnxruntime-$onnxruntime-*.whl)
    echo "${wheel_sha256[$wheel]}  $file" | sha256sum --check --quiet
    unzip -q -j -o "$file" "onnxruntime/capi/libonnxruntime.so.$onnxruntime" onnxruntime/LICENSE \
        onnxruntime/ThirdPartyNotices.txt -d "$cache"
    install -m 0644 "$cache/libonnxruntime.so.$onnxruntime" "$stage/usr/lib/trapline/"
    # The name by which the program looks for it.
    ln -s "libonnxruntime.so.$onnxruntime" "$stage/usr/lib/trapline/libonnxruntime.so"
    install -m 0644 "$cache/LICENSE" "$docs/LICENSE.onnxruntime"
    gzip -9n <"$cache/ThirdPartyNotices.txt" >"$docs/ThirdPartyNotices.onnxruntime.txt.gz"
fi
cat LICENSE-MIT LICENSE-APACHE >"$docs/copyright"

# Nothing may need a newer C library than the boards have; the package asks for the one it needs.
libc=0
for file in "$stage"/usr/lib/trapline/*; do
    [ ! -L "$file" ] || continue
    needs=$("$gcc-objdump" -T "$file" | grep -o 'GLIBC_[0-9.]*' | sed s/GLIBC_// | sort -uV | tail -n 1)
    if [ "$(printf '%s\n' "$needs" "$newest_glibc" | sort -V | tail -n 1)" != "$newest_glibc" ]; then
        echo "$(basename "$file") needs GLIBC_$needs; the boards have $newest_glibc: build on Debian 12" >&2
        exit 1
    fi
    libc=$(printf '%s\n' "$libc" "$needs" | sort -V | tail -n 1)
    echo "$(basename "$file"): GLIBC_$needs or newer, $(stat -c %s "$file") bytes"
done

# The site's configuration: the annotated example, with the places of a system and the board found by its device tree.
install -d "$stage/etc/trapline/boards"
sed -e 's|^board = "bench"|board = "auto"|' \
    -e 's|^path = "trapline.db"|path = "/var/lib/trapline/trapline.db"|' \
    -e 's|^media = "media"|media = "/var/lib/trapline/media"|' \
    -e 's|^path = "outbox"|path = "/var/lib/trapline/outbox"|' \
    cross/trapline.toml >"$stage/etc/trapline/trapline.toml"
for key in 'board = "auto"' 'path = "/var/lib/trapline/trapline.db"' 'media = "/var/lib/trapline/media"' \
    'path = "/var/lib/trapline/outbox"'; do
    grep -qxF "$key" "$stage/etc/trapline/trapline.toml" || { echo "the packaged configuration lacks $key" >&2; exit 1; }
done
install -d "$stage/usr/share/trapline/boards" "$stage/usr/share/trapline/models"
install -m 0644 boards/*.toml boards/README.md "$stage/usr/share/trapline/boards"
cp -r models/README.md models/bench-* "$stage/usr/share/trapline/models"
install -D -m 0755 cross/deb/restart-argus "$stage/usr/lib/trapline/restart-argus"
install -D -m 0755 cross/deb/off-unless-attended "$stage/usr/lib/trapline/off-unless-attended"
# For those whose power a controller cuts; nothing reads it there.
install -D -m 0644 cross/deb/once.conf "$stage/usr/share/trapline/once.conf"
install -d "$stage/lib/systemd/system"
install -m 0644 cross/deb/trapline.service cross/deb/trapline-argus.path cross/deb/trapline-argus.service \
    cross/deb/trapline-off.service "$stage/lib/systemd/system"
install -D -m 0644 cross/deb/trapline.sysusers "$stage/usr/lib/sysusers.d/trapline.conf"
install -D -m 0644 cross/deb/60-trapline.rules "$stage/lib/udev/rules.d/60-trapline.rules"
install -D -m 0644 cross/deb/60-trapline.polkit.rules "$stage/usr/share/polkit-1/rules.d/60-trapline.rules"
install -D -m 0644 cross/deb/trapline.pkla "$stage/var/lib/polkit-1/localauthority/10-vendor.d/trapline.pkla"

install -d "$stage/DEBIAN"
install -m 0755 cross/deb/postinst cross/deb/prerm cross/deb/postrm "$stage/DEBIAN"
echo /etc/trapline/trapline.toml >"$stage/DEBIAN/conffiles"
cat >"$stage/DEBIAN/control" <<CONTROL
Package: trapline
Version: $version
Architecture: $arch
Maintainer: The Trapline maintainers <maintainers@trapline.invalid>
Installed-Size: $(du -sk --exclude=DEBIAN "$stage" | cut -f1)
Depends: libc6 (>= $libc), libgcc-s1, libstdc++6, systemd
Recommends: polkitd | policykit-1, rpicam-apps | libcamera-apps | gstreamer1.0-tools
Section: science
Priority: optional
Description: daemon of a smart camera trap
 A PIR fires, the camera takes a burst, networks on the device look at it, empty
 bursts are dropped, and a species event of a few bytes is stored and sent.
CONTROL

mkdir -p target/debian
out=target/debian/trapline_${version}_$arch.deb
dpkg-deb --root-owner-group --build "-Z${COMPRESSION:-xz}" "$stage" "$out" >/dev/null
echo "$out: $(stat -c %s "$out") bytes"
