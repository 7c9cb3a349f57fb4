//! Predictions against truth.
