# The daemon hangs, its supervisor feeds the kernel's watchdog no more, the machine restarts by itself; the second time
# the camera is well, and what was recorded before is there.
if [ ! -e /disk/hung ]; then
    touch /disk/hung
    sync
    service --ignored --exact the_kernels_watchdog_is_fed_as_systemd_would
    echo "the supervisor ended, and the machine did not restart"
    exit 1
fi
trapline events list --journal /disk/trapline.db --json >/tmp/before || exit 1
trapline run --config /site.toml --board quick --boards /boards --bursts 2 || exit 1
trapline events list --journal /disk/trapline.db --json >/tmp/after || exit 1
before=$(grep -c '"key":' /tmp/before)
after=$(grep -c '"key":' /tmp/after)
echo "$before bursts before the restart, $after after two more"
[ "$before" = 2 ] && [ "$after" = 4 ]
