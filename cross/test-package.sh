#!/usr/bin/env bash
# shellcheck disable=SC2016 # What stands in single quotes is for the shell inside.
# The life of the package in a small Debian 12 of its own: installed, run, upgraded, downgraded, removed, purged.
#
#   cross/test-package.sh target/debian/trapline_0.1.0_arm64.deb
#
# A package for another processor runs under qemu's user emulation, announced to the kernel in a namespace that ends with
# the test (Linux 6.7 or newer), so that nothing changes outside. Needs root and mmdebstrap, and for another
# processor qemu-user-static and arch-test. The Debian is made once and kept in target/debian.
# In the environment: BURSTS, how many are watched after each step (default 3).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=cross/debian.sh
. cross/debian.sh "$@"

# Two versions of the same program: what changes between them is what dpkg does.
again() {
    dpkg-deb -R "$deb" "$work/$1"
    sed -i "s/^Version: .*/Version: $1/" "$work/$1/DEBIAN/control"
    [ -z "${2:-}" ] || echo "$2" >>"$work/$1/etc/trapline/trapline.toml"
    dpkg-deb --root-owner-group --build -Znone "$work/$1" "$work/$1.deb" >/dev/null
    rm -r "${work:?}/$1"
}
again 1.0
again 2.0 '# Something new in the second version.'

cat >"$work/life.sh" <<'LIFE'
set -euo pipefail
step() { echo "== $* (${SECONDS}s)"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
as_trapline() { setpriv --reuid=trapline --regid=trapline --init-groups "$@"; }
watch_bench() {
    (cd /var/lib/trapline && as_trapline trapline run --config /etc/trapline/trapline.toml --board bench --bursts "$1")
}
bursts() { trapline events list --journal /var/lib/trapline/trapline.db --json | grep -o '"key":' | wc -l; }
export DEBIAN_FRONTEND=noninteractive
BURSTS=${BURSTS:-3}

step install
dpkg -i /tmp/1.0.deb
[ "$(systemctl is-enabled trapline.service || true)" = disabled ] || fail "the package enabled the service"
for group in video dialout gpio i2c spi; do
    id -nG trapline | grep -qw "$group" || fail "trapline is not in $group"
done
[ "$(stat -c %U:%a /etc/trapline/trapline.toml /var/lib/trapline | tr '\n' ' ')" = "trapline:644 trapline:750 " ] ||
    fail "owners: $(stat -c %U:%a /etc/trapline/trapline.toml /var/lib/trapline)"
systemd-analyze verify /lib/systemd/system/trapline.service
trapline --version
# The other engine would do it too, and only warn.
if [ -e /usr/lib/trapline/libonnxruntime.so ]; then
    trapline models bench /usr/share/trapline/models/bench-detector --engine onnxruntime --passes 1 | tee /tmp/bench
    grep -qi "onnx *runtime" /tmp/bench || fail "the package's ONNX Runtime is not used"
fi

step run
watch_bench "$BURSTS"
before=$(bursts)
[ "$before" -ge "$BURSTS" ] || fail "$before bursts in the journal after $BURSTS"

step "upgrade, with a configuration that somebody changed"
sed -i 's/^name = "trap"/name = "beech-07"/' /etc/trapline/trapline.toml
dpkg -i --force-confold /tmp/2.0.deb
grep -q beech-07 /etc/trapline/trapline.toml || fail "the changed configuration is lost"
watch_bench "$BURSTS"
[ "$(bursts)" -gt "$before" ] || fail "no more bursts after the upgrade"

step downgrade
dpkg -i --force-confold /tmp/1.0.deb
grep -q beech-07 /etc/trapline/trapline.toml || fail "the changed configuration is lost"
watch_bench "$BURSTS"
before=$(bursts)

step remove
dpkg -r trapline
[ ! -e /usr/bin/trapline ] || fail "the program is still there"
[ -e /etc/trapline/trapline.toml ] || fail "the configuration is gone"
[ -e /var/lib/trapline/trapline.db ] || fail "the journal is gone"

step "install again"
dpkg -i --force-confold /tmp/2.0.deb
[ "$(bursts)" = "$before" ] || fail "the journal holds $(bursts) bursts, not $before"
grep -q beech-07 /etc/trapline/trapline.toml || fail "the changed configuration is lost"

step purge
dpkg -P trapline
[ ! -e /etc/trapline ] || fail "the configuration is still there"
[ -e /var/lib/trapline/trapline.db ] || fail "the journal is gone"
step "passed on $(dpkg --print-architecture), Debian $(cat /etc/debian_version)"
LIFE

cp "$work"/*.deb "$work/life.sh" "$work/share/"
inside bash -euo pipefail -c "$unpack"'
    chroot "$1/root" /bin/bash /tmp/life.sh' _ "$work" "$root"
