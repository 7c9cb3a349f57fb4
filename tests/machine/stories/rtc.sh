# Outside its hours the trap sets the alarm of the machine's clock, reads it back and goes off; without its clock it stays
# awake and says so.
now=$(date -u +%s)
from=$(date -u -d "@$((now + 7200))" +%H:%M)
until=$(date -u -d "@$((now + 10800))" +%H:%M)
cat >/tmp/off.sh <<'OFF'
cat /sys/class/rtc/rtc0/since_epoch /sys/class/rtc/rtc0/wakealarm >/tmp/off
OFF
(cat /site.toml && printf '[power]\nhours = ["%s..%s"]\ngrace_min = 1\n[console]\npower_off = "sh /tmp/off.sh"\n' "$from" "$until") >/tmp/site.toml
cat /sys/class/rtc/rtc0/name
RUST_LOG=info trapline run --config /tmp/site.toml --board rtc --boards /boards >/tmp/out 2>/tmp/err
echo "the daemon ended with $?"
cat /tmp/err /proc/driver/rtc
[ -s /tmp/off ] || { echo "it did not go off"; exit 1; }
left=$(($(tail -n 1 /tmp/off) - $(head -n 1 /tmp/off)))
echo "it goes off with an alarm in $left s"
# It wakes 90 s before the window, which was 7200 s away at most a minute and some seconds of emulation before.
[ "$left" -gt 6600 ] && [ "$left" -lt 7110 ] || { echo "not two hours less 90 s"; exit 1; }
grep -q '^alarm_IRQ.*yes' /proc/driver/rtc || { echo "the clock's interrupt is not on"; exit 1; }
# The clock is taken away.
rm /tmp/off
for device in /sys/bus/*/drivers/rtc_cmos/*:*; do
    [ -e "$device" ] && basename "$device" >"$(dirname "$device")/unbind"
done
[ ! -e /sys/class/rtc/rtc0/wakealarm ] || { echo "the clock is still there"; exit 1; }
RUST_LOG=info trapline run --config /tmp/site.toml --board rtc --boards /boards >/tmp/out 2>/tmp/err &
daemon=$!
sleep 150
kill $daemon || { echo "it ended without its clock"; cat /tmp/err; exit 1; }
wait $daemon
cat /tmp/err
grep -q 'power.rtc' /tmp/err && [ ! -e /tmp/off ]
