#!/usr/bin/env bash
# A small machine with the kernel's own simulated hardware, and the daemon in it:
#
#   cargo build && cargo test --no-run --test gpio_sim --test v4l2_vivid --test service
#   tests/machine.sh [PROGRAM]        # default: target/debug/trapline
#
# It boots Debian's kernel in an emulator (no rights, no hardware needed; about 3 minutes the first time, for the kernel is
# fetched and its module gpio-sim built, then some 20 s for each boot) with a simulated GPIO chip, a simulated
# camera, an I2C bus and a watchdog, and disks of its own, and plays these stories:
#
#   trigger   an edge on a line becomes a burst of the camera's pictures becomes a journaled event
#   drivers   the tests that need these devices: tests/gpio_sim.rs, tests/v4l2_vivid.rs
#   doctor    `trapline doctor` sees somebody wave before the sensor, the camera, the clock and the disk
#   i2c       a battery gauge on the bus is told by its identity and read
#   rtc       outside its hours the trap goes off on an alarm of the machine's clock; without the clock it stays awake
#   witty     a Witty Pi of registers on the bus: with a clock that has lost the time it leaves the trap awake
#   watchdog  the daemon hangs, its supervisor stops feeding /dev/watchdog, the machine restarts by itself and goes on
#   ext4, vfat  the machine is cut off in the middle of bursts, ROUNDS times (default 6) with a disk of that kind, and comes
#             back with every burst that was acknowledged
#
# STORIES names some of them. Its last line counts what passed. KEEP=1 keeps the machine's output.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(realpath "${1:-target/debug/trapline}")
rounds=${ROUNDS:-6}
cache=${MACHINE:-target/machine}
mkdir -p "$cache"
cache=$(realpath "$cache")
work=$(mktemp -d)
trap '[ -n "${KEEP:-}" ] && echo "kept: $work" || rm -rf "$work"' EXIT

packages() {
    local pair missing=()
    for pair in "$@"; do
        PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    [ ${#missing[@]} = 0 ] && return
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# Kernel, modules and a busybox, once.
prepare() {
    # What was prepared by another version of this is prepared anew.
    local ready
    ready=$cache/ready-$({ declare -f prepare; cat tests/machine/module/*; } | cksum | cut -d' ' -f1)
    [ -f "$ready" ] && return
    echo "fetching Debian's kernel and building the modules that it lacks"
    packages gcc=gcc make=make
    local image version release build here=$PWD
    build=$(mktemp -d)
    image=$(apt-cache depends linux-image-6.12-amd64 | awk '/Depends:/ { print $2; exit }')
    version=$(apt-cache policy "$image" | awk '/Candidate/ { print $2 }')
    release=${image#linux-image-}
    (
        cd "$build"
        chmod 755 .
        apt-get download -qq "$image=$version" "linux-headers-$release=$version" \
            "linux-headers-${release%-amd64}-common=$version" "linux-kbuild-${release%-amd64}=$version" \
            "linux-source-6.12=$version" busybox-static 2>/dev/null
        for package in *.deb; do dpkg -x "$package" root; done
        tar -xJf root/usr/src/linux-source-6.12.tar.xz --strip-components=1 --wildcards \
            '*/drivers/gpio/gpio-sim.c' '*/kernel/irq/irq_sim.c'
        mkdir module
        cp drivers/gpio/gpio-sim.c module/gpio-sim-core.c
        # A module may not call irq_to_desc(); the same descriptor is reached by what is exported.
        sed -e 's/irq_to_desc(\([a-z_]*\))/irq_data_to_desc(irq_get_irq_data(\1))/' \
            -e 's/#include <linux\/irq_work.h>/&\n#include <linux\/irqdesc.h>/' \
            kernel/irq/irq_sim.c >module/irq_sim.c
        cp "$here"/tests/machine/module/i2c-sim.c module/
        printf 'obj-m += gpio-sim.o i2c-sim.o\ngpio-sim-y := gpio-sim-core.o irq_sim.o\n' >module/Kbuild
        headers=$build/root/usr/src/linux-headers-$release
        sed -i "s#include /usr/src/#include $build/root/usr/src/#" "$headers/Makefile"
        rm -f "$headers/vmlinux"
        make -s -C "$headers" M="$build/module" modules >make.log 2>&1 || { cat make.log >&2; exit 1; }
    )
    rm -rf "$cache/modules"
    mkdir -p "$cache/modules"
    # Debian 12 keeps modules under /lib, later ones under /usr/lib.
    local tree=$build/root
    [ -d "$tree/lib/modules" ] || tree=$build/root/usr
    depmod -b "$tree" "$release" 2>/dev/null || true
    : >"$cache/modules/order"
    local module file name
    for module in configfs vivid softdog i2c-dev virtio_pci virtio_blk ext4 vfat nls_ascii nls_cp437 nls_utf8; do
        while read -r file; do
            name=$(basename "${file%.xz}")
            [ -e "$cache/modules/$name" ] && continue
            case $file in *.xz) xz -dc "$file" >"$cache/modules/$name" ;; *) cp "$file" "$cache/modules/$name" ;; esac
            echo "$name" >>"$cache/modules/order"
        done < <(modprobe -d "$tree" -S "$release" --show-depends "$module" 2>/dev/null |
            awk '$1 == "insmod" { print $2 }')
    done
    for name in gpio-sim.ko i2c-sim.ko; do
        cp "$build/module/$name" "$cache/modules/"
        echo "$name" >>"$cache/modules/order"
    done
    cp "$build"/root/boot/vmlinuz-* "$cache/vmlinuz"
    cp "$build/root/bin/busybox" "$cache/busybox" 2>/dev/null || cp "$build/root/usr/bin/busybox" "$cache/busybox"
    rm -rf "$build"
    touch "$ready"
}

# The machine's first file system: busybox, the programs with their libraries, the stories.
initramfs() {
    local root=$work/root file library
    mkdir -p "$root"/{bin,proc,sys,dev,tmp,modules,disk,lib64}
    cp "$cache/busybox" "$root/bin/busybox"
    cp "$cache"/modules/* "$root/modules/"
    cp -r tests/machine/* "$root/"
    cp "$program" "$root/bin/trapline"
    strip "$root/bin/trapline"
    for file in gpio_sim v4l2_vivid service; do
        local test
        test=$(find "$(dirname "$program")/deps" -maxdepth 1 -name "$file-*" -executable -type f -printf '%T@ %p\n' 2>/dev/null |
            sort -n | tail -n 1 | cut -d' ' -f2) || true # A program that was built elsewhere has no tests beside it.
        [ -z "$test" ] && continue
        cp "$test" "$root/bin/$file"
        strip "$root/bin/$file"
    done
    for file in "$root"/bin/{trapline,gpio_sim,v4l2_vivid,service}; do
        [ -e "$file" ] || continue
        while read -r library; do
            mkdir -p "$root$(dirname "$library")"
            cp -L -n "$library" "$root$library"
        done < <(ldd "$file" | grep -o '/[^ ]*')
    done
    chmod +x "$root/init"
    pack
}

pack() {
    (cd "$work/root" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/initramfs.gz"
}

# The emulator with a disk and a story: machine STORY DISK. Its output goes to the story's log.
machine() {
    local reboots=(-no-reboot)
    [ "$1" != watchdog ] || reboots=()
    exec qemu-system-x86_64 -accel tcg -cpu max -m 768 -smp 1 -nodefaults -display none "${reboots[@]}" \
        -chardev "file,id=out,path=$work/$1.log,append=on" -serial chardev:out \
        -kernel "$cache/vmlinuz" -initrd "$work/initramfs.gz" \
        -drive "file=$2,if=virtio,format=raw,cache=writethrough" \
        -append "console=ttyS0 quiet no_timer_check panic=-1 mitigations=off trapline.story=$1" </dev/null
}

# Boots with a story and waits for its end, whose exit status is the machine's last word.
boot() {
    local status
    (machine "$1" "$2") &
    wait_for $! "$work/$1.log" 'STORY ENDED' 1 600 || true
    kill -9 $! 2>/dev/null || true
    wait $! 2>/dev/null || true
    status=$(tr -d '\r' <"$work/$1.log" | sed -n 's/^STORY ENDED: //p' | tail -n 1)
    if [ "${status:-none}" != 0 ]; then
        echo "$1 failed (${status:-no end}):" >&2
        tail -n 60 "$work/$1.log" >&2
        return 1
    fi
}

# Boots with a story, and cuts the power a random while after the first burst that was acknowledged.
cut_off() {
    local before
    before=$(count "$work/$1.log" ACKNOWLEDGED)
    (machine "$1" "$2") &
    wait_for $! "$work/$1.log" ACKNOWLEDGED $((before + 1)) 300
    sleep $((RANDOM % 4)).$((RANDOM % 10))
    kill -9 $!
    wait $! 2>/dev/null || true
}

# What a story said was in the journal for good. A line that the cut tore is not one.
acknowledged() {
    tr -d '\r' 2>/dev/null <"$work/$1.log" | grep -a '^ACKNOWLEDGED [0-9]*-[0-9]*$' | sort -u || true
}

# How often a word stands in a log.
count() {
    if [ -e "$1" ]; then grep -ac "$2" "$1" || true; else echo 0; fi
}

# Waits until the process PID is gone or a word stands in a log so many times: wait_for PID LOG WORD TIMES SECONDS.
wait_for() {
    local until=$((SECONDS + $5))
    while [ "$SECONDS" -lt "$until" ] && kill -0 "$1" 2>/dev/null; do
        [ "$(count "$2" "$3")" -lt "$4" ] || return 0
        sleep 0.3
    done
    [ "$(count "$2" "$3")" -ge "$4" ]
}

disk() {
    truncate -s 256M "$work/$1.img"
    case $1 in
        vfat) mkfs.vfat "$work/$1.img" >/dev/null ;;
        *) mkfs.ext4 -q -F "$work/$1.img" ;;
    esac
    echo "$work/$1.img"
}

export PATH=$PATH:/usr/sbin:/sbin
packages qemu-system-x86_64=qemu-system-x86 cpio=cpio xz=xz-utils modprobe=kmod mkfs.ext4=e2fsprogs mkfs.vfat=dosfstools
prepare
initramfs
passed=0
for story in ${STORIES:-trigger drivers doctor i2c rtc witty watchdog ext4 vfat}; do
    image=$(disk "$story")
    case $story in
        ext4 | vfat)
            for _ in $(seq "$rounds"); do
                cut_off "cut-$story" "$image"
            done
            mkdir -p "$work/root/expected"
            acknowledged "cut-$story" >"$work/root/expected/$story"
            echo "$story: $(wc -l <"$work/root/expected/$story") bursts acknowledged before $rounds cuts"
            pack
            boot "after-$story" "$image"
            ;;
        *) boot "$story" "$image" ;;
    esac
    passed=$((passed + 1))
    echo "$story: passed ($SECONDS s)"
done
echo "$passed passed, 0 failed"
