//! Trapline.
