# A Witty Pi of registers on the kernel's I2C bus: outside its hours the trap sets its alarm and the cut of the power by its
# clock, reads both back and goes off; once its clock stands still the trap stays awake and says so.
set_register() { i2cset -y 0 0x08 "$1" "$2" || exit 1; }
register() { printf '%d' "$(i2cget -y 0 0x08 "$1")"; }
# Identity, fed by its own input, no low and no recovery voltage, 7 s until the cut, woken by its alarm.
for pair in 0:0x26 7:1 11:1 19:255 21:70 22:255; do
    set_register "${pair%:*}" "${pair#*:}"
done
# Its clock: the digits of the date are the registers', in one message, so that no reader sees half of a minute's end.
tick() {
    while :; do
        i2cset -y 0 0x08 58 $(date -u '+0x%S 0x%M 0x%H 0x%d 0x0%w 0x%m 0x%y') i
        sleep 0.5
    done
}
tick &
clock=$!
sleep 1
board='--board witty --boards /boards'
now=$(date -u +%s)
from=$(date -u -d "@$((now + 7200))" +%H:%M)
until=$(date -u -d "@$((now + 10800))" +%H:%M)
cat >/tmp/off.sh <<'OFF'
date -u '+%H %M %S' >/tmp/off
for at in 27 28 29 30 32 33 34 35; do i2cget -y 0 0x08 $at; done >>/tmp/off
OFF
(cat /site.toml && printf '[power]\nhours = ["%s..%s"]\ngrace_min = 1\n[console]\npower_off = "sh /tmp/off.sh"\n' "$from" "$until") >/tmp/site.toml
trapline doctor --config /tmp/site.toml $board --only wake || exit 1
RUST_LOG=info trapline run --config /tmp/site.toml $board >/tmp/out 2>/tmp/err
echo "the daemon ended with $?"
cat /tmp/err
[ -s /tmp/off ] || { echo "it did not go off"; exit 1; }
cat /tmp/off
# Seconds of the day, of numbers that may begin with a zero.
of_day() { echo $(($((1$1 - 100)) * 3600 + $((1$2 - 100)) * 60 + 1$3 - 100)); }
digits() { sed -n "$1p" /tmp/off | sed 's/0x//'; }
now=$(of_day $(head -n 1 /tmp/off))
wakes=$((($(of_day "$(digits 4)" "$(digits 3)" "$(digits 2)") - now + 86400) % 86400))
cut=$((($(of_day "$(digits 8)" "$(digits 7)" "$(digits 6)") - now + 86400) % 86400))
echo "it goes off; the power is cut in $cut s, the alarm comes in $wakes s"
# 90 s before the window, which was 7200 s away at most a minute and some seconds of emulation before.
[ "$wakes" -gt 6600 ] && [ "$wakes" -lt 7110 ] || { echo "not two hours less 90 s"; exit 1; }
[ "$cut" -gt 60 ] && [ "$cut" -le 90 ] || { echo "not 90 s"; exit 1; }
# The clock stands still.
kill $clock
rm /tmp/off
RUST_LOG=info trapline run --config /tmp/site.toml $board >/tmp/out 2>/tmp/err &
daemon=$!
sleep 120
kill $daemon || { echo "it ended although the clock stands still"; cat /tmp/err; exit 1; }
wait $daemon
cat /tmp/err
[ "$(register 35)" = 0 ] || { echo "the cut of before is still set"; exit 1; }
grep -q 'stands still' /tmp/err && [ ! -e /tmp/off ]
