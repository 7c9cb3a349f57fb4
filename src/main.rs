//! The process edge: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    trapline::cli::main(std::env::args_os())
}
