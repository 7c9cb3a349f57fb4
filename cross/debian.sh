# A small Debian 12 for a package, for the scripts that try packages; to be sourced: . cross/debian.sh PACKAGE
# Makes the Debian once, in target/debian. Sets deb, arch (Debian's name of its processor), root (the Debian's archive),
# work (a folder that goes with the script; what lies in its share/ comes into the Debian's /tmp) and unpack (commands
# that unpack the Debian below $1, for a shell within inside, with the archive as $2).
# shellcheck shell=bash disable=SC2034,SC2016 # Set for those who source it; quoted for the shell inside.
deb=$(realpath "${1:?a package, as cross/build.sh makes it}")
arch=$(dpkg-deb -f "$deb" Architecture)
root=$PWD/target/debian/root-$arch.tar
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/root" "$work/share"

# Runs a command where programs of the package's processor run.
inside() {
    if [ "$arch" = "$(dpkg --print-architecture)" ]; then
        unshare --mount --pid --fork --kill-child "$@"
        return
    fi
    # 64-bit little-endian ELF for AArch64 (machine 183), or 32-bit for ARM (40); the mask lets both kinds of programs in.
    local magic mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff' emulator
    case $arch in
        arm64) magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00' emulator=aarch64 ;;
        armhf) magic='\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x28\x00' emulator=arm ;;
        *) echo "no emulator for $arch" >&2; exit 2 ;;
    esac
    # All users of the Debian inside exist in the namespace, as they do outside; only root can map them.
    unshare --user --mount sleep infinity &
    local holder=$! status=0
    until [ "$(readlink "/proc/$holder/ns/user")" != "$(readlink /proc/self/ns/user)" ]; do sleep 0.1; done
    echo 0 0 65536 >"/proc/$holder/uid_map"
    echo 0 0 65536 >"/proc/$holder/gid_map"
    nsenter --user --mount --target "$holder" unshare --mount --pid --fork --kill-child bash -c '
        mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
        printf %s ":trapline:M::$0:$1:/usr/bin/qemu-$2-static:OCF" >/proc/sys/fs/binfmt_misc/register
        shift 2
        exec "$@"' "$magic" "$mask" "$emulator" "$@" || status=$?
    kill "$holder"
    return "$status"
}

if [ ! -f "$root" ]; then
    mkdir -p target/debian
    inside mmdebstrap --mode=root --variant=minbase --architectures="$arch" \
        --include=libgcc-s1,libstdc++6,systemd,udev bookworm "${root%.tar}.new.tar"
    mv "${root%.tar}.new.tar" "$root"
fi
root=$(realpath "$root")

unpack='
    tar -C "$1/root" -xf "$2" --exclude=./dev --exclude=dev/*
    mkdir -p "$1/root/dev" "$1/root/proc"
    mount --rbind /dev "$1/root/dev"
    mount -t proc proc "$1/root/proc"
    cp "$1"/share/* "$1/root/tmp/"'
