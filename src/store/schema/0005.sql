-- The journal, version 5: who asked for a burst.

-- One row for each burst of a trap; none for photos from folders, nor for bursts from before this version.
CREATE TABLE cause (
    id     INTEGER PRIMARY KEY,
    burst  INTEGER NOT NULL REFERENCES burst (id),
    source TEXT NOT NULL,                -- pir | motion | timer | asked | spool | bench
    detail TEXT,                         -- the PIRs' lines that saw it, or who it was that asked
    crc    INTEGER NOT NULL
) STRICT;
CREATE INDEX cause_by_burst ON cause (burst);
