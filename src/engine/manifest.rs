//! What a model is: the manifest beside its `.onnx`, strict and checked.

/// What a network takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Name of the network's input.
    pub name: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}
