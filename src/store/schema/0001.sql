-- The journal, version 1. Every table is STRICT, has an integer key called id, and ends in the CRC-32 of the
-- row (see src/store/sealed.rs). Times are microseconds since 1970-01-01 UTC by the trap's clock.

-- Where and under which name the trap stands.
CREATE TABLE deployment (
    id        INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    latitude  REAL,                      -- degrees, WGS 84
    longitude REAL,
    crc       INTEGER NOT NULL
) STRICT;

-- One start of the daemon; id is the boot number of every event key.
CREATE TABLE boot (
    id          INTEGER PRIMARY KEY,
    deployment  INTEGER NOT NULL REFERENCES deployment (id),
    started_us  INTEGER NOT NULL,
    clock       TEXT NOT NULL,           -- unset | rtc | gps | network
    kernel_boot TEXT NOT NULL,           -- /proc/sys/kernel/random/boot_id, tells a restart from a power cycle
    version     TEXT NOT NULL,           -- of trapline
    crc         INTEGER NOT NULL
) STRICT;

-- Bursts closer than the gap.
CREATE TABLE sequence (
    id          INTEGER PRIMARY KEY,
    deployment  INTEGER NOT NULL REFERENCES deployment (id),
    first_us    INTEGER NOT NULL,        -- first frame
    last_us     INTEGER NOT NULL,        -- last frame
    bursts      INTEGER NOT NULL,
    outcome     TEXT NOT NULL,
    probability REAL NOT NULL,
    crc         INTEGER NOT NULL
) STRICT;

-- One burst; id is the event number. It takes `numbers` event numbers, one for each event it sends, at least one.
CREATE TABLE burst (
    id           INTEGER PRIMARY KEY,
    boot         INTEGER NOT NULL REFERENCES boot (id),
    deployment   INTEGER NOT NULL REFERENCES deployment (id),
    sequence     INTEGER NOT NULL REFERENCES sequence (id),
    numbers      INTEGER NOT NULL,
    triggered_us INTEGER NOT NULL,
    clock        TEXT NOT NULL,
    outcome      TEXT NOT NULL,          -- empty | sighting | uncertain | person | vehicle | failed
    probability  REAL NOT NULL,
    millis       INTEGER NOT NULL,       -- from trigger to verdict
    suppressed   INTEGER NOT NULL,       -- triggers swallowed before it
    faults       TEXT NOT NULL,          -- JSON array
    models       TEXT NOT NULL,          -- JSON array
    source       TEXT UNIQUE,            -- photos from folders: stable id of their sequence
    report       TEXT,                   -- photos from folders: what was printed
    crc          INTEGER NOT NULL
) STRICT;
CREATE INDEX burst_by_sequence ON burst (sequence);
CREATE INDEX burst_by_time ON burst (triggered_us);

CREATE TABLE frame (
    id       INTEGER PRIMARY KEY,
    burst    INTEGER NOT NULL REFERENCES burst (id),
    position INTEGER NOT NULL,           -- from 0
    taken_us INTEGER NOT NULL,
    failed   TEXT,                       -- why it could not be read or judged
    moved    REAL NOT NULL,              -- share of the picture
    width    INTEGER NOT NULL,
    height   INTEGER NOT NULL,
    infrared INTEGER NOT NULL,           -- 0 | 1
    bytes    INTEGER NOT NULL,           -- as the camera gave it, kept or not
    crc      INTEGER NOT NULL,
    UNIQUE (burst, position)
) STRICT;

CREATE TABLE box (
    id         INTEGER PRIMARY KEY,
    frame      INTEGER NOT NULL REFERENCES frame (id),
    x          REAL NOT NULL,            -- top-left corner and size, shares of the picture
    y          REAL NOT NULL,
    w          REAL NOT NULL,
    h          REAL NOT NULL,
    category   TEXT NOT NULL,            -- animal | person | vehicle
    confidence REAL NOT NULL,
    moving     INTEGER NOT NULL,         -- 0 | 1
    track      INTEGER NOT NULL,
    crc        INTEGER NOT NULL
) STRICT;
CREATE INDEX box_by_frame ON box (frame);

-- What was seen in a burst.
CREATE TABLE observation (
    id     INTEGER PRIMARY KEY,
    burst  INTEGER NOT NULL REFERENCES burst (id),
    taxon  TEXT NOT NULL,
    rank   TEXT NOT NULL,
    label  TEXT NOT NULL,
    score  REAL NOT NULL,
    count  INTEGER NOT NULL,
    top5   TEXT NOT NULL,                -- JSON array of [label, score]
    tracks TEXT NOT NULL,                -- JSON array
    crc    INTEGER NOT NULL
) STRICT;
CREATE INDEX observation_by_burst ON observation (burst);

-- What was seen in a sequence, recomputed from all its frames.
CREATE TABLE merged (
    id       INTEGER PRIMARY KEY,
    sequence INTEGER NOT NULL REFERENCES sequence (id),
    taxon    TEXT NOT NULL,
    rank     TEXT NOT NULL,
    label    TEXT NOT NULL,
    score    REAL NOT NULL,
    count    INTEGER NOT NULL,
    top5     TEXT NOT NULL,
    tracks   TEXT NOT NULL,
    crc      INTEGER NOT NULL
) STRICT;
CREATE INDEX merged_by_sequence ON merged (sequence);

-- Files. A file that went keeps its row, with the reason.
CREATE TABLE media (
    id      INTEGER PRIMARY KEY,
    burst   INTEGER NOT NULL REFERENCES burst (id),
    frame   INTEGER NOT NULL,            -- position in the burst, from 0
    path    TEXT NOT NULL,
    sha256  BLOB NOT NULL,
    bytes   INTEGER NOT NULL,
    kind    TEXT NOT NULL,               -- frame | crop
    owned   INTEGER NOT NULL,            -- 1: in our media folder, ours to delete; 0: a user's original
    gone_us INTEGER,
    reason  TEXT,
    crc     INTEGER NOT NULL
) STRICT;
CREATE INDEX media_by_burst ON media (burst);

-- What waits to be sent; id is the event number.
CREATE TABLE outbox (
    id      INTEGER PRIMARY KEY,
    burst   INTEGER NOT NULL REFERENCES burst (id),
    payload BLOB NOT NULL,               -- event::Sighting, encoded
    sent_us INTEGER,
    crc     INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_by_burst ON outbox (burst);

-- When the trap stood watch and what it did since the row before.
CREATE TABLE effort (
    id         INTEGER PRIMARY KEY,
    boot       INTEGER NOT NULL REFERENCES boot (id),
    at_us      INTEGER NOT NULL,
    clock      TEXT NOT NULL,
    kind       TEXT NOT NULL,            -- start | heartbeat | stop
    triggers   INTEGER NOT NULL,
    bursts     INTEGER NOT NULL,
    empties    INTEGER NOT NULL,
    suppressed INTEGER NOT NULL,
    failed     INTEGER NOT NULL,
    crc        INTEGER NOT NULL
) STRICT;

-- What the trap learnt and counts, by name.
CREATE TABLE state (
    id    INTEGER PRIMARY KEY,
    key   TEXT NOT NULL UNIQUE,
    value BLOB NOT NULL,
    crc   INTEGER NOT NULL
) STRICT;
