//! The process edge: arguments in, exit code out.

use std::process::ExitCode;

/// The C library keeps tens of megabytes of what networks and decoders gave back.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    trapline::cli::main(std::env::args_os())
}
