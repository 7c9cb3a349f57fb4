-- The journal, version 6: what gauges tell beside voltage and temperature.

-- One row for a reading that has any of it.
CREATE TABLE supply (
    id        INTEGER PRIMARY KEY,
    reading   INTEGER NOT NULL REFERENCES reading (id),
    percent   INTEGER,                   -- state of charge
    milliamps INTEGER,                   -- out of the battery; negative while it is charged
    strain    INTEGER,                   -- bits: under-voltage now 1, before 2, throttled now 4, before 8
    lux       INTEGER,
    failures  INTEGER NOT NULL,          -- readings of gauges that failed since the program was started
    crc       INTEGER NOT NULL
) STRICT;
CREATE INDEX supply_by_reading ON supply (reading);
