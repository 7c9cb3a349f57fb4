//! ONNX Runtime through its shared library, found and loaded when the program runs. The only file that names `ort`.
//!
//! Nothing is linked or downloaded when building. One library serves the process: the first that loads stays.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ort::ep::{CPU, CUDA, ExecutionProvider, ExecutionProviderDispatch, TensorRT, XNNPACK};
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::value::{DynValue, PrimitiveTensorElementType, TensorElementType, TensorRef, ValueType};

use super::cache::Cache;
use super::choose::Provider;
use super::form::Kind;
use super::manifest::{Dtype, Input};
use super::note::Note;
use super::{Data, Engine, EngineError, Network, Tensor, onnx};

/// The variable that names the library, as other programs that use ONNX Runtime read it.
const VARIABLE: &str = "ORT_DYLIB_PATH";

/// The file of a kept network's weights, beside it.
const WEIGHTS: &str = "weights";

/// The library of this process, or why it did not load; `None` before one was tried.
static LOADED: Mutex<Option<Result<Library, String>>> = Mutex::new(None);

#[derive(Debug, Clone)]
struct Library {
    path: PathBuf,
    version: String,
}

/// The engine.
#[derive(Debug)]
pub struct OnnxRuntime {
    library: Library,
    provider: Provider,
    /// The provider failed with a network, and the processor runs it.
    fell_back: AtomicBool,
    /// Where networks optimised for the processor are kept.
    cache: Option<Cache>,
}

impl OnnxRuntime {
    /// Finds and loads the library: `library` (a file, or the folder it lies in) if given, else the one
    /// `ORT_DYLIB_PATH` names, else one beside the program, else one where the system looks. A `provider` that it
    /// lacks is told to the log and left out.
    pub fn open(library: Option<&Path>, provider: Provider) -> Result<Self, EngineError> {
        let library = loaded(library)?;
        let available = catch_unwind(|| match provider {
            Provider::Cpu => true,
            Provider::Xnnpack => XNNPACK::default().is_available().unwrap_or(false),
            Provider::Cuda => CUDA::default().is_available().unwrap_or(false),
            Provider::TensorRt => TensorRT::default().is_available().unwrap_or(false),
        });
        let available = available.unwrap_or(false);
        if !available {
            log::warn!(
                "{} has no {} in it; it computes on the CPU",
                library.path.display(),
                name_of(provider)
            );
        }
        let provider = if available { provider } else { Provider::Cpu };
        Ok(OnnxRuntime { library, provider, fell_back: AtomicBool::new(false), cache: Cache::usual() })
    }

    /// Keeps optimised networks in `folder`; `None`: nowhere.
    pub fn caching(mut self, folder: Option<PathBuf>) -> Self {
        self.cache = folder.map(Cache::at);
        self
    }

    /// The cache, where its networks are of use: other providers optimise in their own way.
    fn cache(&self) -> Option<&Cache> {
        self.cache.as_ref().filter(|_| self.provider == Provider::Cpu)
    }

    /// The key of a network in the cache.
    fn key(&self, sha256: &str) -> String {
        Cache::key(sha256, &format!("ONNX Runtime {}", self.library.version))
    }

    /// A session of `onnx`; the network as it was optimised is kept under `key`.
    fn commit_keeping(
        &self,
        onnx: &[u8],
        key: &str,
        cache: &Cache,
        threads: usize,
    ) -> Result<Session, String> {
        let plain = || self.commit(Bytes::Held(onnx), Provider::Cpu, threads, &Optimise::Now);
        let Some(room) = cache.room() else { return plain() };
        match self.commit(Bytes::Held(onnx), Provider::Cpu, threads, &Optimise::Into(room.network())) {
            Ok(session) => {
                cache.keep(key, room);
                Ok(session)
            }
            // Perhaps for want of room on the card.
            Err(_) => plain(),
        }
    }

    fn commit(
        &self,
        onnx: Bytes<'_>,
        provider: Provider,
        threads: usize,
        optimise: &Optimise,
    ) -> Result<Session, String> {
        let begin = || -> Result<SessionBuilder, String> {
            let (own, providers) = providers(provider, threads);
            // Where only weights are bytes they are widened once, when loading: on every pass that took 1.36 times the
            // time of the bundled detector in floats. Where activations are bytes too, the pairs become byte kernels.
            // A network that was optimised before has neither any more.
            let widen = matches!(onnx, Bytes::Held(onnx) if !onnx::quantises(onnx));
            let level = match optimise {
                Optimise::Done => GraphOptimizationLevel::Disable,
                Optimise::Now | Optimise::Into(_) => GraphOptimizationLevel::All,
            };
            // That what is written is laid out for this processor is known: it is kept under a name that says so.
            let quiet =
                if matches!(optimise, Optimise::Into(_)) { LogLevel::Error } else { LogLevel::Warning };
            let mut builder = Session::builder()
                .map_err(said)?
                .with_config_entry("session.disable_quant_qdq", if widen { "1" } else { "0" })
                .map_err(said)?
                .with_log_level(quiet)
                .map_err(said)?
                .with_optimization_level(level)
                .map_err(said)?;
            if let Optimise::Into(file) = optimise {
                // Weights in a file of their own are mapped when they are loaded again, and not held twice meanwhile.
                builder = builder
                    .with_optimized_model_path(file)
                    .map_err(said)?
                    .with_config_entry("session.optimized_model_external_initializers_file_name", WEIGHTS)
                    .map_err(said)?
                    .with_config_entry(
                        "session.optimized_model_external_initializers_min_size_in_bytes",
                        "1024",
                    )
                    .map_err(said)?;
            }
            builder
                .with_intra_threads(own)
                .map_err(said)?
                .with_inter_threads(1)
                .map_err(said)?
                // What a pass needs is taken piece by piece: 10 MB less for a few per cent of its time.
                .with_memory_pattern(false)
                .map_err(said)?
                // Threads that spin between two frames use up a battery.
                .with_intra_op_spinning(false)
                .map_err(said)?
                .with_execution_providers(providers)
                .map_err(said)
        };
        // A network that makes the library's binding panic is a network it cannot load.
        let made = catch_unwind(AssertUnwindSafe(|| match onnx {
            Bytes::Held(onnx) => begin()?.commit_from_memory(onnx).map_err(said),
            Bytes::In(file) => begin()?.commit_from_file(file).map_err(said),
        }));
        made.unwrap_or_else(|_| Err("it gave up".into()))
    }

    fn cannot_load(&self, reason: impl Into<String>) -> EngineError {
        EngineError::Load { engine: self.name(), reason: reason.into() }
    }
}

impl Engine for OnnxRuntime {
    fn name(&self) -> String {
        let provider = if self.fell_back.load(Ordering::Relaxed) { Provider::Cpu } else { self.provider };
        format!(
            "ONNX Runtime {} ({}, {})",
            self.library.version,
            name_of(provider),
            self.library.path.display()
        )
    }

    fn kind(&self) -> Option<Kind> {
        // Its forms are made for its own kernels; other providers compute in floats or quantise in their own way.
        (self.provider == Provider::Cpu).then_some(Kind::OnnxRuntime)
    }

    fn load(&self, onnx: &[u8], spec: &Input, threads: usize) -> Result<Box<dyn Network>, EngineError> {
        self.load_with(onnx, None, spec, threads)
    }

    fn kept(&self, sha256: &str, spec: &Input, threads: usize) -> Option<Box<dyn Network>> {
        self.cache()?.load(&self.key(sha256), |file| {
            let made = self.commit(Bytes::In(file), Provider::Cpu, cores(threads), &Optimise::Done);
            self.loaded(made.map_err(|reason| self.cannot_load(reason))?, spec)
        })
    }

    fn note(&self, sha256: &str, _: &Input) -> Option<Note> {
        self.cache()?.note(&self.key(sha256))
    }

    fn load_known(
        &self,
        onnx: &[u8],
        sha256: &str,
        spec: &Input,
        threads: usize,
    ) -> Result<Box<dyn Network>, EngineError> {
        self.load_with(onnx, Some(sha256), spec, threads)
    }
}

/// Where a network is.
enum Bytes<'a> {
    Held(&'a [u8]),
    In(&'a Path),
}

/// Threads, with 0 for one per core put into a number.
fn cores(threads: usize) -> usize {
    match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => n,
    }
}

/// What is done about a network's graph.
enum Optimise {
    /// It is optimised while it is loaded.
    Now,
    /// The same, and the result written to a file.
    Into(PathBuf),
    /// It was optimised before.
    Done,
}

impl OnnxRuntime {
    fn load_with(
        &self,
        onnx: &[u8],
        sha256: Option<&str>,
        spec: &Input,
        threads: usize,
    ) -> Result<Box<dyn Network>, EngineError> {
        if let Some(tensor) = onnx::in_second_file(onnx) {
            return Err(self.cannot_load(onnx::second_file(&tensor)));
        }
        let threads = cores(threads);
        let kept = sha256.zip(self.cache());
        let made = match kept {
            Some((sha256, cache)) => self.commit_keeping(onnx, &self.key(sha256), cache, threads),
            None => self.commit(Bytes::Held(onnx), self.provider, threads, &Optimise::Now),
        };
        let session = match made {
            Err(reason) if self.provider != Provider::Cpu => {
                log::warn!("{} cannot run the network: {reason}; the CPU does", name_of(self.provider));
                self.fell_back.store(true, Ordering::Relaxed);
                self.commit(Bytes::Held(onnx), Provider::Cpu, threads, &Optimise::Now)
            }
            other => other,
        };
        self.loaded(session.map_err(|reason| self.cannot_load(reason))?, spec)
    }

    /// A session whose input is what `spec` says.
    fn loaded(&self, session: Session, spec: &Input) -> Result<Box<dyn Network>, EngineError> {
        let inputs: Vec<onnx::Has> = session.inputs().iter().map(|i| has(i.name(), i.dtype())).collect();
        onnx::check_input(&inputs, spec)?;
        Ok(Box::new(Loaded { session, engine: self.name(), shape: spec.shape(), dtype: spec.dtype }))
    }
}

/// The library of this process; loads it when there is none yet.
fn loaded(asked: Option<&Path>) -> Result<Library, EngineError> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let unusable = |tried: String| EngineError::Library { tried };
    if let Some(outcome) = loaded.as_ref() {
        let library = outcome.clone().map_err(unusable)?;
        let same = |path: &Path| path.canonicalize().ok() == library.path.canonicalize().ok();
        if let Some(other) = asked.filter(|path| path.is_file() && !same(path)) {
            log::warn!("{} stays in use; {} is left aside", library.path.display(), other.display());
        }
        return Ok(library);
    }
    let candidates = candidates(asked, std::env::var_os(VARIABLE).map(PathBuf::from));
    let mut tried = Vec::new();
    for path in candidates {
        match holds_runtime(&path) {
            Ok(()) => return loaded.insert(load(&path)).clone().map_err(unusable),
            Err(reason) => tried.push(reason),
        }
    }
    Err(unusable(if tried.is_empty() { "none was found".into() } else { tried.join("; ") }))
}

/// Where the library may be, best first. What is named is not looked for elsewhere.
fn candidates(asked: Option<&Path>, variable: Option<PathBuf>) -> Vec<PathBuf> {
    let plain = format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}");
    let names = [plain.clone(), format!("{plain}.1")];
    let named = asked.map(Path::to_owned).or(variable.filter(|path| !path.as_os_str().is_empty()));
    if let Some(path) = named.filter(|path| !path.is_dir()) {
        return vec![path];
    }
    let folders = match asked.filter(|path| path.is_dir()) {
        Some(folder) => vec![folder.to_owned()],
        None => folders(),
    };
    let all = folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name)));
    all.filter(|path| path.is_file()).collect()
}

/// Beside the program, then where the system's loader looks.
fn folders() -> Vec<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned()));
    let told = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let told = std::env::split_paths(&told).filter(|folder| folder.is_absolute());
    // The Filesystem Hierarchy Standard's folders, and Debian's for one architecture.
    let triple = format!("{}-linux-gnu", std::env::consts::ARCH);
    let system = ["/usr/local/lib", "/usr/lib64", "/usr/lib", "/lib"].map(PathBuf::from);
    let system = system.into_iter().flat_map(|folder| [folder.join(&triple), folder]);
    beside.into_iter().chain(told).chain(system).collect()
}

/// Whether a file has the runtime's one exported function in it. The binding must not be given anything else: it cannot
/// be asked twice after it failed once.
fn holds_runtime(path: &Path) -> Result<(), String> {
    const EXPORT: &[u8] = b"OrtGetApiBase";
    let failed = |e: std::io::Error| format!("{}: {e}", path.display());
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut window = Vec::new();
    loop {
        let kept = window.len().min(EXPORT.len());
        window.drain(..window.len() - kept);
        let read = file.by_ref().take(1 << 20).read_to_end(&mut window).map_err(failed)?;
        if window.windows(EXPORT.len()).any(|bytes| bytes == EXPORT) {
            return Ok(());
        }
        if read == 0 {
            return Err(format!("{}: no ONNX Runtime is in it", path.display()));
        }
    }
}

/// The environment variable and its value by which the library sends nothing to its makers. Read in the strings of
/// libonnxruntime.so.1.32.0 and tried under strace: docs/models.md says what was seen.
pub const SILENCE: (&str, &str) = ("ORT_DISABLE_TELEMETRY", "1");

/// Whether the environment keeps the library silent.
pub fn is_silenced() -> bool {
    std::env::var_os(SILENCE.0).is_some_and(|value| value == SILENCE.1)
}

/// Loads the library: once in a process. The binding panics at one that is not what it says, which is caught.
fn load(path: &Path) -> Result<Library, String> {
    let failed = |reason: String| format!("{}: {reason}", path.display());
    // The option below comes too late: by then the library has begun to report.
    if !is_silenced() {
        let (name, value) = SILENCE;
        return Err(failed(format!(
            "it would report its use to its makers; set {name}={value} in the environment"
        )));
    }
    let whole = std::path::absolute(path).map_err(|e| failed(e.to_string()))?;
    let opened = catch_unwind(|| -> Result<String, String> {
        let environment = ort::init_from(&whole).map_err(|e| e.to_string())?;
        environment.with_name("trapline").with_telemetry(false).with_logger(Arc::new(pass_on)).commit();
        Ok(ort::info().to_owned())
    });
    let build = opened.unwrap_or_else(|_| Err("it cannot be used".into())).map_err(failed)?;
    log::debug!("{}: {build}", whole.display());
    Ok(Library { version: version(&build, &whole), path: whole })
}

/// The version, from the words of the build (`git-branch=rel-1.31.0`), else from the file's own name.
fn version(build: &str, path: &Path) -> String {
    let number = |text: &str| -> Option<String> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        text.get(..end).map(|number| number.trim_matches('.')).filter(|n| n.contains('.')).map(str::to_owned)
    };
    let told = build.split_once("git-branch=rel-").and_then(|(_, rest)| number(rest));
    told.or_else(|| {
        let file = path.canonicalize().ok()?;
        number(file.file_name()?.to_str()?.split_once(".so.")?.1)
    })
    .unwrap_or_else(|| "of unknown version".into())
}

/// The library's own log, in ours.
fn pass_on(level: LogLevel, _category: &str, _id: &str, _place: &str, message: &str) {
    let level = match level {
        LogLevel::Fatal | LogLevel::Error => log::Level::Error,
        LogLevel::Warning => log::Level::Warn,
        LogLevel::Info => log::Level::Debug,
        LogLevel::Verbose => log::Level::Trace,
    };
    log::log!(level, "ONNX Runtime: {message}");
}

/// Threads of the session's own pool, and what to register. The provider for the CPU is always there behind them.
fn providers(provider: Provider, threads: usize) -> (usize, Vec<ExecutionProviderDispatch>) {
    let count = std::num::NonZeroUsize::new(threads).unwrap_or(std::num::NonZeroUsize::MIN);
    // Without the arena, memory is given back between passes; it makes no measurable difference to their time.
    let cpu = CPU::default().with_arena_allocator(false).build();
    match provider {
        Provider::Cpu => (threads, vec![cpu]),
        // XNNPACK brings a pool of its own.
        Provider::Xnnpack => {
            (1, vec![XNNPACK::default().with_intra_op_num_threads(count).build().error_on_failure(), cpu])
        }
        Provider::Cuda => (threads, vec![CUDA::default().build().error_on_failure(), cpu]),
        Provider::TensorRt => {
            (threads, vec![TensorRT::default().build().error_on_failure(), CUDA::default().build(), cpu])
        }
    }
}

fn name_of(provider: Provider) -> &'static str {
    match provider {
        Provider::Cpu => "CPU",
        Provider::Xnnpack => "XNNPACK",
        Provider::Cuda => "CUDA",
        Provider::TensorRt => "TensorRT",
    }
}

fn has(name: &str, kind: &ValueType) -> onnx::Has {
    let dtype = kind.tensor_type().map(|kind| match kind {
        TensorElementType::Float32 => "f32".to_owned(),
        TensorElementType::Uint8 => "u8".to_owned(),
        other => other.to_string(),
    });
    let extents = |shape: &ort::value::Shape| shape.iter().map(|&d| (d >= 0).then_some(d)).collect();
    onnx::Has { name: name.into(), dtype, shape: kind.tensor_shape().map(extents) }
}

fn said<R>(error: ort::Error<R>) -> String {
    error.message().to_owned()
}

struct Loaded {
    session: Session,
    engine: String,
    shape: [usize; 4],
    dtype: Dtype,
}

impl Network for Loaded {
    fn run(&mut self, input: &Tensor) -> Result<Vec<(String, Tensor)>, EngineError> {
        if input.shape != self.shape {
            return Err(EngineError::Shape { expected: self.shape.to_vec(), got: input.shape.clone() });
        }
        // A panic in the binding is a failed inference, not the end of the trap.
        let ran = catch_unwind(AssertUnwindSafe(|| pass(&mut self.session, input, self.shape, self.dtype)));
        ran.unwrap_or_else(|_| Err("it gave up".into()))
            .map_err(|reason| EngineError::Run { engine: self.engine.clone(), reason })
    }
}

/// One pass; the library reads the input where it lies.
fn pass(
    session: &mut Session,
    input: &Tensor,
    shape: [usize; 4],
    dtype: Dtype,
) -> Result<Vec<(String, Tensor)>, String> {
    let outputs = match (&input.data, dtype) {
        (Data::F32(values), Dtype::F32) => {
            let view = TensorRef::from_array_view((shape, values.as_slice())).map_err(said)?;
            session.run(ort::inputs![view]).map_err(said)?
        }
        (Data::U8(values), Dtype::U8) => {
            let view = TensorRef::from_array_view((shape, values.as_slice())).map_err(said)?;
            session.run(ort::inputs![view]).map_err(said)?
        }
        _ => return Err("the input has another type than `input.dtype`".into()),
    };
    outputs.iter().map(|(name, value)| Ok((name.to_owned(), taken(&value)?))).collect()
}

fn taken(value: &DynValue) -> Result<Tensor, String> {
    fn numbers<T: PrimitiveTensorElementType + Copy>(
        value: &DynValue,
        real: impl Fn(T) -> f32,
    ) -> Result<Tensor, String> {
        let (shape, numbers) = value.try_extract_tensor::<T>().map_err(said)?;
        Ok(Tensor { shape: extents(shape), data: Data::F32(numbers.iter().map(|&n| real(n)).collect()) })
    }
    let extents_of = |shape: &ort::value::Shape| extents(shape);
    match value.dtype().tensor_type() {
        Some(TensorElementType::Float32) => {
            let (shape, numbers) = value.try_extract_tensor::<f32>().map_err(said)?;
            Ok(Tensor { shape: extents_of(shape), data: Data::F32(numbers.to_vec()) })
        }
        Some(TensorElementType::Uint8) => {
            let (shape, numbers) = value.try_extract_tensor::<u8>().map_err(said)?;
            Ok(Tensor { shape: extents_of(shape), data: Data::U8(numbers.to_vec()) })
        }
        Some(TensorElementType::Float64) => numbers(value, |n: f64| n as f32),
        Some(TensorElementType::Int8) => numbers(value, |n: i8| f32::from(n)),
        Some(TensorElementType::Int32) => numbers(value, |n: i32| n as f32),
        Some(TensorElementType::Int64) => numbers(value, |n: i64| n as f32),
        other => Err(format!("an output of type {other:?} is of no use here")),
    }
}

fn extents(shape: &[i64]) -> Vec<usize> {
    shape.iter().map(|&extent| usize::try_from(extent).unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_not_looked_for_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lib.so");
        assert_eq!(candidates(Some(&file), Some("/other".into())), [file]);
        assert_eq!(candidates(None, Some("/one.so".into())), [PathBuf::from("/one.so")]);
        assert_eq!(candidates(Some(folder.path()), Some("/other".into())), Vec::<PathBuf>::new());
        let named = folder.path().join(format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}.1"));
        std::fs::write(&named, b"").unwrap();
        assert_eq!(candidates(Some(folder.path()), Some("/other".into())), [named]);
        let found = candidates(None, Some(PathBuf::new()));
        assert!(found.iter().all(|path| path.is_file()), "{found:?}");
    }

    #[test]
    fn only_a_file_with_the_runtime_in_it_is_tried() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("libonnxruntime.so");
        let said = |path: &Path| holds_runtime(path).unwrap_err();
        assert!(said(&file).contains("libonnxruntime.so"), "{}", said(&file));
        assert!(holds_runtime(folder.path()).is_err());
        std::fs::write(&file, b"not a library").unwrap();
        assert!(said(&file).contains("no ONNX Runtime is in it"), "{}", said(&file));
        // Across the border between two reads of 1 MiB.
        let mut bytes = vec![0; (1 << 20) - 5];
        bytes.extend_from_slice(b"OrtGetApiBase and more");
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(holds_runtime(&file), Ok(()));
    }

    #[test]
    fn the_version_is_read_from_the_build_or_the_file_name() {
        // As release 1.32.0 and a distribution's build without git tell it.
        let release = "ORT Build Info: git-branch=rel-1.32.0, git-commit-id=abc, build type=Release";
        assert_eq!(version(release, Path::new("x")), "1.32.0");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("libonnxruntime.so.1.21.1");
        std::fs::write(&file, b"").unwrap();
        assert_eq!(version("ORT Build Info: build type=Release", &file), "1.21.1");
        assert_eq!(version("", Path::new("x")), "of unknown version");
    }
}
