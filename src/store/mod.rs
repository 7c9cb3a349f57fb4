//! What stays on the card: the journal (SQLite, survives power cuts) and the media (and why each is kept).

pub mod record;
