//! The process edge: arguments in, exit code out.

use std::process::ExitCode;

/// The C library keeps tens of megabytes of what networks and decoders gave back.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    #[cfg(all(unix, feature = "onnxruntime"))]
    silence();
    trapline::cli::main(std::env::args_os())
}

/// ONNX Runtime reports its use to its makers unless the environment forbids it when the library is loaded. A process
/// cannot change its own environment without `unsafe`: it becomes itself once more, with the right one. Where that
/// fails, the engine refuses to load the library.
#[cfg(all(unix, feature = "onnxruntime"))]
fn silence() {
    use std::os::unix::process::CommandExt;

    use trapline::engine::onnxruntime::{SILENCE, is_silenced};

    if is_silenced() {
        return;
    }
    let (Ok(program), mut args) = (std::env::current_exe(), std::env::args_os()) else { return };
    let mut again = std::process::Command::new(program);
    if let Some(name) = args.next() {
        again.arg0(name);
    }
    // It comes back only if it failed.
    let _ = again.args(args).env(SILENCE.0, SILENCE.1).exec();
}
