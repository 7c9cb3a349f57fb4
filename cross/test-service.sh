#!/usr/bin/env bash
# shellcheck disable=SC2016 # What stands in single quotes is for the shell inside.
# The package's service under systemd itself, which runs as the first process of a small Debian 12 in namespaces:
#
#   cross/test-service.sh target/debian/trapline_0.1.0_amd64.deb
#
# Within the sandbox of its unit the daemon starts, takes bursts, has a Jetson's camera daemon (a stand-in) started anew
# when the camera fails, is killed and started anew when it hangs, and ends when told to. For packages of this
# machine's processor only. Needs root, mmdebstrap, and a kernel with cgroup 2. The Debian is made once and
# kept in target/debian.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=cross/debian.sh
. cross/debian.sh "$@"
[ "$arch" = "$(dpkg --print-architecture)" ] || { echo "$deb is not for this machine" >&2; exit 2; }
cp "$deb" "$work/share/trapline.deb"
cp tests/data/baseline.jpg "$work/share/"

# A camera like Argus's: no pictures until its daemon was started anew.
cat >"$work/share/camera" <<'CAMERA'
#!/bin/sh
[ -e /run/argus/again ] || exec sleep 60
while :; do cat /var/lib/trapline/picture.jpg; sleep 0.2; done
CAMERA
# The stand-in for Argus; it does not start while `argus-broken` is there.
cat >"$work/share/nvargus-daemon" <<'DAEMON'
#!/bin/sh
mkdir -p /run/argus
[ ! -e /run/argus/first ] || touch /run/argus/again
touch /run/argus/first
exec sleep infinity
DAEMON
cat >"$work/share/nvargus-daemon.service" <<'UNIT'
[Service]
Type=exec
ExecStartPre=/usr/bin/test ! -e /etc/argus-broken
ExecStart=/usr/sbin/nvargus-daemon
UNIT
cat >"$work/share/argus.toml" <<'BOARD'
trigger = "timer"
camera = "command"
clock = "system"
[timer]
every_s = 1
[stream]
command = ["/usr/lib/trapline/camera"]
start_ms = 1000
burst_ms = 5000
settle = 0
recover = ["/usr/lib/trapline/restart-argus"]
BOARD
# Not a minute until it is seen that it hangs.
cat >"$work/share/quick.conf" <<'UNIT'
[Service]
WatchdogSec=6
RestartSec=1
TimeoutAbortSec=5
UNIT

cat >"$work/share/service.sh" <<'SERVICE'
set -euo pipefail
step() { echo "== $* (${SECONDS}s)"; }
fail() {
    echo "FAILED: $*" >&2
    journalctl --no-pager -q -n 60 -o cat >&2
    systemctl --no-pager -n 0 status trapline.service trapline-argus.path trapline-argus.service >&2
    exit 1
}
# Waits until a command succeeds, a minute or two.
until_true() {
    local end=$((SECONDS + 120))
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.3
    done
}
is() { [ "$(systemctl show -P "$2" "$1")" = "$3" ]; }
other_pid() { [ "$(systemctl show -P MainPID trapline.service)" != "$1" ] && is trapline.service ActiveState active; }
bursts() {
    local found
    found=$(setpriv --reuid=trapline --regid=trapline --init-groups \
        trapline events list --journal /var/lib/trapline/trapline.db --json 2>/dev/null | grep -c '"key":' || true)
    [ "$found" -ge "$1" ]
}

step "start"
systemctl start nvargus-daemon.service || fail "the stand-in does not start"
[ ! -e /run/argus/again ] || fail "the stand-in has been started twice"
systemctl start trapline.service || fail "it does not start"
is trapline.service SubState running || fail "it does not run"
is trapline-argus.path SubState waiting || fail "nobody looks out for the wish to restart the camera daemon"

step "a camera that gives pictures only when its daemon was started anew"
until_true test -e /run/argus/again || fail "the camera daemon was not started anew"
until_true bursts 2 || fail "no bursts"
journalctl -q -u trapline.service | grep -q "camera: recovered" || fail "it does not say that it recovered the camera"
[ ! -e /run/trapline/restart-argus ] || fail "the wish is still there"

step "a camera daemon that does not come back"
touch /etc/argus-broken
# It is the daemon's user who asks.
said=$(setpriv --reuid=trapline --regid=trapline --init-groups /usr/lib/trapline/restart-argus 2>&1) &&
    fail "the failure is not told"
[[ $said == *"did not start anew"* ]] || fail "it says: $said"
rm /etc/argus-broken
setpriv --reuid=trapline --regid=trapline --init-groups /usr/lib/trapline/restart-argus || fail "it does not recover"
systemctl is-active --quiet nvargus-daemon.service || fail "the stand-in does not run"

step "a daemon that hangs"
hung=$(systemctl show -P MainPID trapline.service)
kill -STOP "$hung"
until_true other_pid "$hung" || fail "it was not started anew"
journalctl -q -u trapline.service | grep -q "Watchdog timeout" || fail "it was not the watchdog"
[ "$(systemctl show -P NRestarts trapline.service)" = 1 ] || fail "more than one restart"

step "a run for one burst that cannot succeed"
cp /etc/trapline/trapline.toml /root/good.toml
echo 'hours = "wrong"' >>/etc/trapline/trapline.toml
systemctl stop trapline.service
install -D -m 0644 /usr/share/trapline/once.conf /etc/systemd/system/trapline.service.d/once.conf
systemctl daemon-reload
! systemctl start trapline.service 2>/dev/null || fail "it starts with a wrong configuration"
[ "$(systemctl show -P ExecMainStatus trapline.service)" = 2 ] || fail "its exit code is not that of wrong input"
is trapline.service NRestarts 0 || fail "wrong input is tried again"
until_true is trapline-off.service SubState running || fail "nobody will switch the machine off"
until_true journalctl -q -u trapline-off.service --grep "in 5 minutes the machine goes off" >/dev/null ||
    fail "it does not say that the machine goes off"
# Somebody mends it: whoever was about to switch off is stopped.
cp /root/good.toml /etc/trapline/trapline.toml
rm /etc/systemd/system/trapline.service.d/once.conf
systemctl daemon-reload
systemctl start trapline.service || fail "it does not start once it was mended"
until_true is trapline-off.service ActiveState inactive || fail "the machine would go off though the trap was mended"

step "the end"
systemctl stop trapline.service
is trapline.service Result success || fail "its end was not clean: $(systemctl show -P Result trapline.service)"
is trapline-argus.path ActiveState inactive || fail "somebody still looks out for wishes"
step "passed, systemd $(systemctl --version | awk 'NR == 1 { print $2 }')"
SERVICE

group=/sys/fs/cgroup/trapline-$$
[ -e /sys/fs/cgroup/cgroup.procs ] || group=/sys/fs/cgroup/unified/trapline-$$
mkdir "$group"
first=
end() {
    if [ -n "$first" ]; then
        kill -9 "$first" 2>/dev/null || true
        wait "$first" 2>/dev/null || true
    fi
    sleep 0.5
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
    rm -rf "$work"
}
trap end EXIT

# Systemd as the first process; the machine's own settings and devices are shown, not given.
(
    echo "$BASHPID" >"$group/cgroup.procs"
    exec unshare --mount --pid --ipc --uts --net --cgroup --fork --kill-child bash -euo pipefail -c '
        inner=$1/root
        # A root of its own, or units cannot have theirs.
        mount --bind "$inner" "$inner"
        '"$unpack"'
        install -m 0755 "$1/share/nvargus-daemon" "$inner/usr/sbin/"
        install -m 0644 "$1/share/nvargus-daemon.service" "$inner/etc/systemd/system/"
        install -D -m 0644 "$1/share/quick.conf" "$inner/etc/systemd/system/trapline.service.d/quick.conf"
        chroot "$inner" dpkg -i /tmp/trapline.deb >"$1/install.log"
        # /tmp is emptied when a system starts.
        cp "$1/share/service.sh" "$inner/root/"
        install -m 0755 "$1/share/camera" "$inner/usr/lib/trapline/camera"
        install -m 0644 "$1/share/baseline.jpg" "$inner/var/lib/trapline/picture.jpg"
        install -m 0644 "$1/share/argus.toml" "$inner/etc/trapline/boards/argus.toml"
        sed -i "s/^board = \"auto\"/board = \"argus\"/" "$inner/etc/trapline/trapline.toml"
        umount -R "$inner/dev"
        mount -t tmpfs tmpfs "$inner/dev"
        for device in null zero full random urandom tty; do
            touch "$inner/dev/$device"
            mount --bind "/dev/$device" "$inner/dev/$device"
        done
        touch "$inner/dev/console"
        ln -s /proc/self/fd "$inner/dev/fd"
        mkdir "$inner"/dev/{shm,pts,mqueue,hugepages}
        mount -t tmpfs tmpfs "$inner/dev/shm"
        mount -t devpts -o newinstance,ptmxmode=0666 devpts "$inner/dev/pts"
        ln -s pts/ptmx "$inner/dev/ptmx"
        mount --bind "$inner/proc/sys" "$inner/proc/sys"
        mount -o remount,ro,bind "$inner/proc/sys"
        mount -t sysfs -o ro sysfs "$inner/sys"
        mount -t tmpfs tmpfs "$inner/sys/fs/cgroup"
        mount -t cgroup2 cgroup2 "$inner/sys/fs/cgroup"
        mount -t tmpfs tmpfs "$inner/run"
        touch "$1/ready"
        cd "$inner"
        mkdir outside
        PATH=$PATH:/usr/sbin pivot_root . outside
        umount -l outside
        exec chroot . env -i container=trapline PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd' \
        _ "$work" "$root"
) &
first=$!
until [ -e "$work/ready" ]; do
    kill -0 "$first" 2>/dev/null || { cat "$work/install.log" >&2 || true; echo "the Debian did not start" >&2; exit 1; }
    sleep 0.3
done
inner=$(pgrep -P "$first" | head -n 1)
within() { nsenter --target "$inner" --mount --pid --ipc --uts --net --cgroup --root="/proc/$inner/root" --wd="/proc/$inner/root" "$@"; }
booted=$((SECONDS + 120))
until within systemctl is-active --quiet basic.target 2>/dev/null; do
    [ "$SECONDS" -lt "$booted" ] || { echo "systemd did not come up" >&2; exit 1; }
    sleep 0.3
done
within bash /root/service.sh
