//! The process edge: arguments in, exit code out.

use std::process::ExitCode;

/// The C library keeps tens of megabytes of what networks and decoders gave back.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    #[cfg(unix)]
    surround();
    trapline::cli::main(std::env::args_os())
}

/// What libraries read of the environment when they are loaded, before there is anyone to tell them otherwise.
#[cfg(unix)]
const SURROUNDINGS: &[(&str, &str)] = &[
    // ONNX Runtime reports its use to its makers unless the environment forbids it. Without it the engine refuses to
    // load the library.
    #[cfg(feature = "onnxruntime")]
    trapline::engine::onnxruntime::SILENCE,
    // The allocator takes memory when it is written to, not when it is reserved: a tenth less at the peak.
    #[cfg(feature = "mimalloc")]
    ("MIMALLOC_EAGER_COMMIT", "0"),
    #[cfg(feature = "mimalloc")]
    ("MIMALLOC_ARENA_EAGER_COMMIT", "0"),
];

/// A process cannot change its own environment without `unsafe`: it becomes itself once more, with the right one.
/// What the user has set stays, but for a wish to be reported.
#[cfg(unix)]
fn surround() {
    use std::os::unix::process::CommandExt;

    let missing = |name: &str| std::env::var_os(name).is_none();
    #[cfg(feature = "onnxruntime")]
    let missing = |name: &str| {
        let silence = name == trapline::engine::onnxruntime::SILENCE.0;
        if silence { !trapline::engine::onnxruntime::is_silenced() } else { missing(name) }
    };
    let wanted: Vec<_> = SURROUNDINGS.iter().filter(|(name, _)| missing(name)).copied().collect();
    if wanted.is_empty() {
        return;
    }
    let (Ok(program), mut args) = (std::env::current_exe(), std::env::args_os()) else { return };
    let mut again = std::process::Command::new(program);
    if let Some(name) = args.next() {
        again.arg0(name);
    }
    // It comes back only if it failed.
    let _ = again.args(args).envs(wanted).exec();
}
