# Everything that was said before the cuts is in the journal, and the watch goes on.
trapline events list --journal /disk/trapline.db --json --limit 1000000 | sed -n 's/.*"key":"\([0-9-]*\)".*/\1/p' |
    sort >/tmp/have
sed 's/ACKNOWLEDGED //' "/expected/$1" | sort >/tmp/said
lost=$(comm -23 /tmp/said /tmp/have | wc -l)
echo "$(wc -l </tmp/said) acknowledged, $(wc -l </tmp/have) in the journal, $lost lost"
[ "$lost" = 0 ] || exit 1
trapline run --config /site.toml --board quick --boards /boards --bursts 2
