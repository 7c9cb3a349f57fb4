//! Opens the networks that a site chose, one per role, and builds the judge.
