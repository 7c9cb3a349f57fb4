//! The tables of the journal as the code sees them: names, columns and their types, in the order of the schema.

use super::sealed::{Column, Kind, Table};

const fn integer(name: &'static str) -> Column {
    Column { name, kind: Kind::Integer }
}

const fn real(name: &'static str) -> Column {
    Column { name, kind: Kind::Real }
}

const fn text(name: &'static str) -> Column {
    Column { name, kind: Kind::Text }
}

const fn blob(name: &'static str) -> Column {
    Column { name, kind: Kind::Blob }
}

/// Where the trap stands.
pub(super) const DEPLOYMENT: Table = Table {
    name: "deployment",
    columns: &[integer("id"), text("name"), real("latitude"), real("longitude")],
};

/// Starts of the daemon.
pub(super) const BOOT: Table = Table {
    name: "boot",
    columns: &[
        integer("id"),
        integer("deployment"),
        integer("started_us"),
        text("clock"),
        text("kernel_boot"),
        text("version"),
    ],
};

/// Bursts closer than the gap.
pub(super) const SEQUENCE: Table = Table {
    name: "sequence",
    columns: &[
        integer("id"),
        integer("deployment"),
        integer("first_us"),
        integer("last_us"),
        integer("bursts"),
        text("outcome"),
        real("probability"),
    ],
};

/// Bursts.
pub(super) const BURST: Table = Table {
    name: "burst",
    columns: &[
        integer("id"),
        integer("boot"),
        integer("deployment"),
        integer("sequence"),
        integer("numbers"),
        integer("triggered_us"),
        text("clock"),
        text("outcome"),
        real("probability"),
        integer("millis"),
        integer("suppressed"),
        text("faults"),
        text("models"),
        text("source"),
        text("report"),
    ],
};

/// Frames of bursts.
pub(super) const FRAME: Table = Table {
    name: "frame",
    columns: &[
        integer("id"),
        integer("burst"),
        integer("position"),
        integer("taken_us"),
        text("failed"),
        real("moved"),
        integer("width"),
        integer("height"),
        integer("infrared"),
        integer("bytes"),
    ],
};

/// Boxes on frames.
pub(super) const BOX: Table = Table {
    name: "box",
    columns: &[
        integer("id"),
        integer("frame"),
        real("x"),
        real("y"),
        real("w"),
        real("h"),
        text("category"),
        real("confidence"),
        integer("moving"),
        integer("track"),
    ],
};

/// What was seen in bursts.
pub(super) const OBSERVATION: Table = Table {
    name: "observation",
    columns: &[
        integer("id"),
        integer("burst"),
        text("taxon"),
        text("rank"),
        text("label"),
        real("score"),
        integer("count"),
        text("top5"),
        text("tracks"),
    ],
};

/// What was seen in sequences.
pub(super) const MERGED: Table = Table {
    name: "merged",
    columns: &[
        integer("id"),
        integer("sequence"),
        text("taxon"),
        text("rank"),
        text("label"),
        real("score"),
        integer("count"),
        text("top5"),
        text("tracks"),
    ],
};

/// Files.
pub(super) const MEDIA: Table = Table {
    name: "media",
    columns: &[
        integer("id"),
        integer("burst"),
        integer("frame"),
        text("path"),
        blob("sha256"),
        integer("bytes"),
        text("kind"),
        integer("owned"),
        integer("gone_us"),
        text("reason"),
    ],
};

/// What waits to be sent.
pub(super) const OUTBOX: Table = Table {
    name: "outbox",
    columns: &[integer("id"), integer("burst"), blob("payload"), integer("sent_us")],
};

/// When the trap stood watch.
pub(super) const EFFORT: Table = Table {
    name: "effort",
    columns: &[
        integer("id"),
        integer("boot"),
        integer("at_us"),
        text("clock"),
        text("kind"),
        integer("triggers"),
        integer("bursts"),
        integer("empties"),
        integer("suppressed"),
        integer("failed"),
    ],
};

/// What the trap learnt and counts.
pub(super) const STATE: Table =
    Table { name: "state", columns: &[integer("id"), text("key"), blob("value")] };

/// How far events have come.
pub(super) const DELIVERY: Table = Table {
    name: "delivery",
    columns: &[
        integer("id"),
        integer("priority"),
        text("rule"),
        text("uplinks"),
        integer("picture"),
        integer("tries"),
        integer("passed_us"),
        integer("dropped_us"),
        text("via"),
        text("reason"),
    ],
};

/// Messages that are no events.
pub(super) const NOTICE: Table = Table {
    name: "notice",
    columns: &[
        integer("id"),
        text("name"),
        text("subject"),
        blob("payload"),
        integer("made_us"),
        integer("tries"),
        integer("passed_us"),
        integer("done_us"),
        text("reason"),
    ],
};

/// What was on the air.
pub(super) const AIRTIME: Table = Table {
    name: "airtime",
    columns: &[
        integer("id"),
        integer("boot"),
        integer("at_us"),
        text("clock"),
        integer("up_us"),
        text("band"),
        integer("micros"),
    ],
};

/// How deployments stand.
pub(super) const SETUP: Table = Table {
    name: "setup",
    columns: &[integer("id"), integer("deployment"), integer("at_us"), text("source"), text("details")],
};

/// What people say of bursts.
pub(super) const LABEL: Table = Table {
    name: "label",
    columns: &[
        integer("id"),
        integer("burst"),
        integer("at_us"),
        text("who"),
        text("outcome"),
        text("seen"),
        text("comment"),
        integer("undone_us"),
    ],
};

/// Battery and temperature.
pub(super) const READING: Table = Table {
    name: "reading",
    columns: &[
        integer("id"),
        integer("boot"),
        integer("at_us"),
        text("clock"),
        integer("battery"),
        integer("temperature"),
        integer("card_free"),
    ],
};

/// What happened to the trap.
pub(super) const HAPPENING: Table = Table {
    name: "happening",
    columns: &[integer("id"), integer("boot"), integer("at_us"), text("clock"), text("kind"), text("text")],
};

/// Who asked for bursts.
pub(super) const CAUSE: Table =
    Table { name: "cause", columns: &[integer("id"), integer("burst"), text("source"), text("detail")] };

/// What gauges tell beside voltage and temperature.
pub(super) const SUPPLY: Table = Table {
    name: "supply",
    columns: &[
        integer("id"),
        integer("reading"),
        integer("percent"),
        integer("milliamps"),
        integer("strain"),
        integer("lux"),
        integer("failures"),
    ],
};

/// Every table, parents before children.
pub(super) static ALL: [&Table; 21] = [
    &DEPLOYMENT,
    &BOOT,
    &SEQUENCE,
    &BURST,
    &FRAME,
    &BOX,
    &OBSERVATION,
    &MERGED,
    &MEDIA,
    &OUTBOX,
    &EFFORT,
    &STATE,
    &DELIVERY,
    &NOTICE,
    &AIRTIME,
    &SETUP,
    &LABEL,
    &READING,
    &HAPPENING,
    &CAUSE,
    &SUPPLY,
];
