# A technician waves before the simulated sensor: `trapline doctor` sees it, and a camera and a clock that are the kernel's.
. /stories/pir.sh
while :; do
    echo pull-up >$pull
    usleep 500000
    echo pull-down >$pull
    usleep 500000
done &
technician=$!
trapline doctor --config /site.toml --board sim --boards /boards --only pir camera rtc --wave 60 --json >/tmp/said
kill $technician
cat /tmp/said
for check in pir camera rtc; do
    grep -o "\"id\":\"$check\",\"state\":\"[a-z]*\"" /tmp/said
done >/tmp/states
cat /tmp/states
[ "$(grep -c green /tmp/states)" = 3 ] || { echo "not three green lights"; exit 1; }
# Nobody waves: the sensor is red, and so is the exit status.
trapline doctor --config /site.toml --board sim --boards /boards --only pir --wave 3 --json >/tmp/said
status=$?
cat /tmp/said
[ $status = 1 ] && grep -q '"id":"pir","state":"red"' /tmp/said
