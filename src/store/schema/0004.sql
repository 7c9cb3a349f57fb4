-- The journal, version 4: what happened to the trap beside its bursts.

-- Battery, sleep and clock, in plain words and in the order they came.
CREATE TABLE happening (
    id    INTEGER PRIMARY KEY,
    boot  INTEGER NOT NULL REFERENCES boot (id),
    at_us INTEGER NOT NULL,
    clock TEXT NOT NULL,
    kind  TEXT NOT NULL,                 -- battery | gauge | clock | rest | watch | sleep | wake | unverified | place
    text  TEXT NOT NULL,
    crc   INTEGER NOT NULL
) STRICT;
