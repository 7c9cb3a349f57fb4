-- The journal, version 2: what the sender knows of every message.

-- How far an event of the outbox has come; id is the event number. An event without a row was not looked at yet.
CREATE TABLE delivery (
    id         INTEGER PRIMARY KEY,
    priority   INTEGER NOT NULL,         -- 0 alert | 1 sighting | 2 folded into the day's digest
    rule       TEXT,                     -- the alert rule that asked for it
    uplinks    TEXT NOT NULL,            -- JSON array: it must go by one of these; empty: by any
    picture    INTEGER NOT NULL,         -- 1: a small picture follows it
    tries      INTEGER NOT NULL,
    passed_us  INTEGER,                  -- left the trap, nobody said yet that it arrived
    dropped_us INTEGER,                  -- given up
    via        TEXT,                     -- the uplink that took it last
    reason     TEXT,                     -- why it was given up
    crc        INTEGER NOT NULL
) STRICT;

-- Messages that are no events: health, digests, losses, acknowledgements, anchors, pictures.
CREATE TABLE notice (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,     -- such as 'digest-2026-11-25-0'; the same message is queued once
    subject    TEXT NOT NULL,            -- health | digest | lost | ack | anchor | picture
    payload    BLOB NOT NULL,            -- event::Message, encoded; for a picture the event's number
    made_us    INTEGER NOT NULL,
    tries      INTEGER NOT NULL,
    passed_us  INTEGER,
    done_us    INTEGER,                  -- acknowledged or given up
    reason     TEXT,                     -- why it was given up
    crc        INTEGER NOT NULL
) STRICT;

-- What was on the air, for the law's sliding hour; written before the radio is asked.
CREATE TABLE airtime (
    id     INTEGER PRIMARY KEY,
    boot   INTEGER NOT NULL,
    at_us  INTEGER NOT NULL,             -- by the trap's clock
    clock  TEXT NOT NULL,
    up_us  INTEGER NOT NULL,             -- microseconds of that boot's monotonic clock
    band   TEXT NOT NULL,
    micros INTEGER NOT NULL,             -- time on air
    crc    INTEGER NOT NULL
) STRICT;
