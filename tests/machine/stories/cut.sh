# Bursts without end; each is said aloud once it is in the journal for good. The power goes meanwhile.
trapline run --config /site.toml --board quick --boards /boards --json |
    while read -r line; do
        echo "$line" | sed -n 's/.*"boot":\([0-9]*\),"burst":\([0-9]*\).*/ACKNOWLEDGED \1-\2/p'
    done
