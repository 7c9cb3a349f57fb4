# An edge on a line becomes a burst of the camera's pictures becomes a journaled event.
. /stories/pir.sh
RUST_LOG=info trapline run --config /site.toml --board sim --boards /boards --bursts 2 --json >/tmp/out 2>/tmp/err &
daemon=$!
edges=0
while kill -0 $daemon 2>/dev/null && [ $edges -lt 240 ]; do
    # Somebody walks by, every two seconds.
    echo pull-up >$pull
    sleep 1
    echo pull-down >$pull
    sleep 1
    edges=$((edges + 1))
done
kill $daemon 2>/dev/null
wait $daemon
echo "the daemon ended with $? after $edges edges"
cat /tmp/err /tmp/out
trapline events list --journal /disk/trapline.db --json >/tmp/events || exit 1
cat /tmp/events
[ "$(grep -c '"key":' /tmp/events)" = 2 ] || { echo "not two events"; exit 1; }
[ "$(grep -c '"trigger":"pir"' /tmp/out)" = 2 ] || { echo "not two triggers of the sensor"; exit 1; }
[ "$(grep -o '"size":\[640,360\]' /tmp/events | wc -l)" = 6 ] || { echo "not six pictures of 640x360"; exit 1; }
! grep -q '"failed":"' /tmp/events || { echo "pictures failed"; exit 1; }
