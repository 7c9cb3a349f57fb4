# Registers by their hexadecimal numbers, as busybox reads them in any case.
# A Witty Pi of registers on the kernel's I2C bus is told by its identity; with a clock that has lost the time the trap stays
# awake outside its hours, and says so; another chip in its place is refused.
for pair in 0x00:0x26 0x07:1 0x0b:1 0x13:0xff 0x15:0x46 0x16:0xff 0x20:0x30 0x23:0x01; do
    i2cset -y 0 0x08 "${pair%:*}" "${pair#*:}" || exit 1
done
# The seconds with bit 7: it has stood still (PCF85063).
i2cset -y 0 0x08 0x3a 0x80 || exit 1
board='--board witty --boards /boards'
now=$(date -u +%s)
from=$(date -u -d "@$((now + 7200))" +%H:%M)
until=$(date -u -d "@$((now + 10800))" +%H:%M)
(cat /site.toml && printf '[power]\nhours = ["%s..%s"]\ngrace_min = 1\n[console]\npower_off = "touch /tmp/off"\n' "$from" "$until") >/tmp/site.toml
trapline doctor --config /tmp/site.toml $board --only wake || exit 1
RUST_LOG=info trapline run --config /tmp/site.toml $board >/tmp/out 2>/tmp/err &
daemon=$!
sleep 75
kill $daemon || { echo "it ended although the clock has lost the time"; cat /tmp/err; exit 1; }
wait $daemon
cat /tmp/err
grep -q 'its clock has lost the time' /tmp/err && [ ! -e /tmp/off ] || exit 1
# What an earlier night left of a cut was taken back at the start.
[ "$(i2cget -y 0 0x08 0x23)" = 0x00 ] || { echo "a cut is still set"; exit 1; }
i2cset -y 0 0x08 0x00 0x25
trapline doctor --config /tmp/site.toml $board --only wake >/tmp/said 2>&1 && exit 1
cat /tmp/said
grep -q 'it says 0x25' /tmp/said
