-- The journal, version 3: what people add, and how the trap fared.

-- How a deployment stands; the newest row of a deployment counts.
CREATE TABLE setup (
    id         INTEGER PRIMARY KEY,
    deployment INTEGER NOT NULL REFERENCES deployment (id),
    at_us      INTEGER NOT NULL,
    source     TEXT NOT NULL,            -- configuration | page | command | gps
    details    TEXT NOT NULL,            -- JSON object, see src/deployment.rs
    crc        INTEGER NOT NULL
) STRICT;
CREATE INDEX setup_by_deployment ON setup (deployment);

-- What people say of a burst, beside what the networks said. The newest that was not taken back counts.
CREATE TABLE label (
    id        INTEGER PRIMARY KEY,
    burst     INTEGER NOT NULL REFERENCES burst (id),
    at_us     INTEGER NOT NULL,
    who       TEXT NOT NULL,
    outcome   TEXT NOT NULL,             -- empty | sighting | uncertain (cannot be told) | person | vehicle
    seen      TEXT NOT NULL,             -- JSON array of what was seen
    comment   TEXT NOT NULL,
    undone_us INTEGER,                   -- taken back
    crc       INTEGER NOT NULL
) STRICT;
CREATE INDEX label_by_burst ON label (burst);

-- Battery and temperature, once an hour.
CREATE TABLE reading (
    id          INTEGER PRIMARY KEY,
    boot        INTEGER NOT NULL REFERENCES boot (id),
    at_us       INTEGER NOT NULL,
    clock       TEXT NOT NULL,
    battery     INTEGER,                 -- millivolts
    temperature INTEGER,                 -- degrees Celsius, inside the housing
    card_free   INTEGER,                 -- percent
    crc         INTEGER NOT NULL
) STRICT;
