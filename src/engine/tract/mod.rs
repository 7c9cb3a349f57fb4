//! The built-in engine: tract, pure Rust. The only folder that names it.
//!
//! A network is parsed, typed and optimised once; constants behind `DequantizeLinear` are folded then, so weights
//! stored as int8 run at the speed of f32. Fully quantised (QDQ) networks run too, slower than in f32.
//! `kept` writes a simplified network into a file and reads it again.
//! tract runs a network on the calling thread: `threads` above 1 is told to the log and ignored.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::TypedModelPatch;
use tract_onnx::tract_core::ops::math::sub;
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer, Softmax};
use tract_onnx::tract_hir::infer::Factoid;

mod kept;

use super::cache::Cache;
use super::form::Kind;
use super::manifest::{Dtype, Input};
use super::note::Note;
use super::{Data, Engine, EngineError, Network, Tensor, onnx};

const NAME: &str = "tract 0.23";

/// The release: what it keeps is for itself. A test holds it against `Cargo.lock`.
const VERSION: &str = "0.23.9";

/// The engine.
#[derive(Debug, Clone, Default)]
pub struct Tract {
    /// Where networks are kept once they are typed and simplified.
    cache: Option<Cache>,
}

impl Tract {
    /// Keeps networks where this user's programs keep such files.
    pub fn usual() -> Self {
        let cache = Cache::usual();
        if cache.as_ref().is_some_and(Cache::holds_any) {
            kept::prepare();
        }
        Tract { cache }
    }

    /// Keeps networks in `folder`; `None`: nowhere.
    pub fn caching(folder: Option<PathBuf>) -> Self {
        Tract { cache: folder.map(Cache::at) }
    }

    /// A network that is kept where its SHA-256 is known.
    fn load_with(
        &self,
        onnx: &[u8],
        sha256: Option<&str>,
        spec: &Input,
        threads: usize,
    ) -> Result<Box<dyn Network>, EngineError> {
        tell(threads);
        guarded(|| {
            let simple = simplified(onnx, spec)?;
            if let Some((sha256, cache)) = sha256.zip(self.cache.as_ref()) {
                keep(cache, &Tract::key(sha256, spec), &simple);
            }
            ready(simple, spec)
        })
    }

    /// The key of a network in the cache: it was typed for this input.
    fn key(sha256: &str, spec: &Input) -> String {
        let form = String::from_utf8_lossy(&kept::MARK);
        let all = format!("{NAME} {VERSION} {form} {} {:?} {:?}", spec.name, spec.shape(), spec.dtype);
        Cache::key(sha256, &all)
    }
}

impl Engine for Tract {
    fn name(&self) -> String {
        NAME.into()
    }

    fn kind(&self) -> Option<Kind> {
        Some(Kind::Tract)
    }

    fn load(&self, onnx: &[u8], spec: &Input, threads: usize) -> Result<Box<dyn Network>, EngineError> {
        self.load_with(onnx, None, spec, threads)
    }

    fn kept(&self, sha256: &str, spec: &Input, threads: usize) -> Option<Box<dyn Network>> {
        self.cache.as_ref()?.load(&Tract::key(sha256, spec), |file| {
            tell(threads);
            guarded(|| ready(kept::read(file).map_err(|e| cannot_load(format!("{e:#}")))?, spec))
        })
    }

    fn note(&self, sha256: &str, spec: &Input) -> Option<Note> {
        self.cache.as_ref()?.note(&Tract::key(sha256, spec))
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

fn tell(threads: usize) {
    if threads > 1 {
        log::info!("{NAME} runs a network on one thread; {threads} were asked for");
    }
}

/// A network that makes the engine panic is a network it cannot load.
fn guarded(load: impl FnOnce() -> Result<Loaded, EngineError>) -> Result<Box<dyn Network>, EngineError> {
    let loaded = catch_unwind(AssertUnwindSafe(load));
    Ok(Box::new(loaded.unwrap_or_else(|_| Err(cannot_load("it gave up")))?))
}

/// A network whose every type is known, simplified, but not yet laid out for a processor.
struct Simple {
    model: TypedModel,
    outputs: Vec<String>,
}

/// Keeps a network for the next start. One that cannot be (those with quantised activations) is told to the log, and made
/// anew each time.
fn keep(cache: &Cache, key: &str, simple: &Simple) {
    let Some(room) = cache.room() else { return };
    // Read again at once: what cannot be would be made anew, and written, at every start.
    let written = || kept::write(&room.network(), simple).and_then(|()| kept::read(&room.network()));
    match catch_unwind(AssertUnwindSafe(written)) {
        Ok(Ok(_)) => cache.keep(key, room),
        failed => {
            let reason = failed.map(|said| said.err().map(|e| format!("{e:#}")).unwrap_or_default());
            log::debug!("{NAME} cannot keep the network: {}", reason.unwrap_or_else(|_| "it gave up".into()));
        }
    }
}

struct Loaded {
    plan: Arc<TypedRunnableModel>,
    outputs: Vec<String>,
    shape: [usize; 4],
    dtype: Dtype,
}

fn cannot_load(reason: impl std::fmt::Display) -> EngineError {
    EngineError::Load { engine: NAME.into(), reason: reason.to_string() }
}

/// The network in an ONNX file.
fn simplified(onnx: &[u8], spec: &Input) -> Result<Simple, EngineError> {
    let chain = |e: TractError| cannot_load(format!("{e:#}"));
    if let Some(tensor) = onnx::in_second_file(onnx) {
        return Err(cannot_load(onnx::second_file(&tensor)));
    }
    let parser = tract_onnx::onnx();
    let proto = parser.proto_model_for_read(&mut &onnx[..]).map_err(chain)?;
    let mut model = parser.model_for_proto_model(&proto).map_err(chain)?;
    onnx::check_input(&inputs(&model)?, spec)?;
    let dtype = match spec.dtype {
        Dtype::F32 => DatumType::F32,
        Dtype::U8 => DatumType::U8,
    };
    model.set_input_fact(0, InferenceFact::dt_shape(dtype, spec.shape())).map_err(chain)?;
    let outputs =
        proto.graph.iter().flat_map(|graph| &graph.output).map(|output| output.name.clone()).collect();
    // Its weights are in the model by now.
    drop(proto);
    let model = model
        .into_typed()
        .and_then(shield_quantised_softmax)
        .and_then(|model| model.into_decluttered())
        .map_err(chain)?;
    Ok(Simple { model, outputs })
}

/// The network laid out for this processor.
fn ready(simple: Simple, spec: &Input) -> Result<Loaded, EngineError> {
    let Simple { mut model, outputs } = simple;
    let plan = model.optimize().and_then(|()| model.into_runnable());
    let plan = plan.map_err(|e| cannot_load(format!("{e:#}")))?;
    Ok(Loaded { plan, outputs, shape: spec.shape(), dtype: spec.dtype })
}

/// Puts `x - max(x)` before each softmax of a quantised network, which changes nothing in its result.
///
/// tract 0.23.9 takes a chain DequantizeLinear, softmax, QuantizeLinear for one that works on each number by itself
/// and makes a table of it (every class then gets 255). With the maximum taken from it, the input has two readers and
/// the chain is left alone.
fn shield_quantised_softmax(mut model: TypedModel) -> TractResult<TypedModel> {
    let quantised = model.nodes().iter().any(|node| node.op.name().starts_with("QuantizeLinear"));
    let softmaxes: Vec<usize> =
        model.nodes().iter().filter(|node| node.op_is::<Softmax>()).map(|node| node.id).collect();
    for id in softmaxes.into_iter().filter(|_| quantised) {
        let node = model.node(id);
        let (Some(softmax), Some(&input)) = (node.op_as::<Softmax>(), node.inputs.first()) else { continue };
        let mut patch = TypedModelPatch::default();
        let x = patch.tap_model(&model, input)?;
        let max = Reduce::new(softmax.axes.clone(), Reducer::Max);
        let max = patch.wire_node(format!("{}.max", node.name), max, &[x])?;
        let shifted = patch.wire_node(format!("{}.shifted", node.name), sub(), &[x, max[0]])?;
        let out = patch.wire_node(format!("{}.shielded", node.name), softmax.clone(), &shifted)?;
        patch.shunt_outside(&model, OutletId::new(id, 0), out[0])?;
        patch.apply(&mut model)?;
    }
    Ok(model)
}

/// What the network says of its input.
fn inputs(model: &InferenceModel) -> Result<Vec<onnx::Has>, EngineError> {
    let outlets = model.input_outlets().map_err(cannot_load)?;
    let each = outlets.iter().map(|outlet| {
        let fact = model.outlet_fact(*outlet).map_err(cannot_load)?;
        let shape = fact.shape.dims().map(|dim| dim.concretize().and_then(|d| d.to_i64().ok())).collect();
        Ok(onnx::Has {
            name: model.node(outlet.node).name.clone(),
            dtype: fact.datum_type.concretize().map(|has| format!("{has:?}").to_lowercase()),
            shape: (!fact.shape.is_open()).then_some(shape),
        })
    });
    each.collect()
}

impl Network for Loaded {
    fn run(&mut self, input: &Tensor) -> Result<Vec<(String, Tensor)>, EngineError> {
        let failed = |reason: String| EngineError::Run { engine: NAME.into(), reason };
        if input.shape != self.shape {
            return Err(EngineError::Shape { expected: self.shape.to_vec(), got: input.shape.clone() });
        }
        let value = match (&input.data, self.dtype) {
            (Data::F32(values), Dtype::F32) => tract_onnx::prelude::Tensor::from_shape(&input.shape, values),
            (Data::U8(values), Dtype::U8) => tract_onnx::prelude::Tensor::from_shape(&input.shape, values),
            _ => return Err(failed("the input has another type than `input.dtype`".into())),
        };
        let value = value.map_err(|e| failed(format!("{e:#}")))?;
        let plan = &self.plan;
        // A panic in the network is a failed inference, not the end of the trap.
        let ran = catch_unwind(AssertUnwindSafe(|| plan.run(tvec!(value.into()))));
        let values = ran
            .unwrap_or_else(|_| Err(TractError::msg("it gave up")))
            .map_err(|e| failed(format!("{e:#}")))?;
        values
            .iter()
            .enumerate()
            .map(|(i, value)| {
                let name = self.outputs.get(i).cloned().unwrap_or_else(|| format!("output {i}"));
                Ok((name, from_tract(value).map_err(|e| failed(format!("{e:#}")))?))
            })
            .collect()
    }
}

fn from_tract(value: &tract_onnx::prelude::Tensor) -> TractResult<Tensor> {
    let shape = value.shape().to_vec();
    let data = match value.datum_type().unquantized() {
        DatumType::U8 => {
            Data::U8(value.cast_to_dt(DatumType::U8)?.to_plain_array_view::<u8>()?.iter().copied().collect())
        }
        _ => Data::F32(value.cast_to::<f32>()?.to_plain_array_view::<f32>()?.iter().copied().collect()),
    };
    Ok(Tensor { shape, data })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::engine::manifest::{Colour, Layout, Manifest, Resize};

    // Written with the onnx package: Conv 1x1 (weights int8 [[64,-32,16],[-128,127,8]] behind DequantizeLinear with
    // scales 0.5 and 0.25, bias 1 and -1), mean over the picture. `qdq` takes and gives bytes (input scale 1/255,
    // output scale 1, zero point 128). `external` keeps its bias in a second file.
    const INT8_WEIGHTS: &[u8] = include_bytes!("../../../tests/data/int8_weights.onnx");
    const QDQ: &[u8] = include_bytes!("../../../tests/data/qdq.onnx");
    const EXTERNAL: &[u8] = include_bytes!("../../../tests/data/external.onnx");

    fn spec(layout: Layout, dtype: Dtype) -> Input {
        Input {
            name: "image".into(),
            width: 4,
            height: 4,
            layout,
            colour: Colour::Rgb,
            dtype,
            scale: 1.0,
            mean: [0.0; 3],
            std: [1.0; 3],
            resize: Resize::Stretch,
            bicubic: false,
        }
    }

    fn refusal(onnx: &[u8], spec: &Input) -> String {
        Tract::default().load(onnx, spec, 1).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn weights_stored_as_int8_are_folded_when_loading() {
        let like = spec(Layout::Nchw, Dtype::F32);
        let mut network = ready(simplified(INT8_WEIGHTS, &like).unwrap(), &like).unwrap();
        let left: Vec<String> =
            network.plan.model().nodes().iter().map(|n| n.op.name().to_string()).collect();
        assert!(!left.iter().any(|op| op.contains("antize") || op.contains("Cast")), "{left:?}");
        // By hand: the channels' means of i/48 are 7.5/48, 23.5/48, 39.5/48;
        // 32 * 7.5/48 - 16 * 23.5/48 + 8 * 39.5/48 + 1 = 4.75 and -32 * .. + 31.75 * .. + 2 * .. - 1 = 11.1901.
        let values = (0..48).map(|i| i as f32 / 48.0).collect();
        let out = network.run(&Tensor { shape: vec![1, 3, 4, 4], data: Data::F32(values) }).unwrap();
        assert_eq!((out[0].0.as_str(), &out[0].1.shape), ("scores", &vec![1, 2]));
        let scores = out[0].1.to_f32();
        assert!((scores[0] - 4.75).abs() < 1e-4 && (scores[1] - 11.190_1).abs() < 1e-3, "{scores:?}");
    }

    #[test]
    fn a_fully_quantised_network_takes_and_gives_bytes() {
        let mut network = Tract::default().load(QDQ, &spec(Layout::Nhwc, Dtype::U8), 1).unwrap();
        let bytes = (0..48).map(|i| i * 5).collect();
        let out = network.run(&Tensor { shape: vec![1, 4, 4, 3], data: Data::U8(bytes) }).unwrap();
        // By hand: 32 * 112.5/255 - 16 * 117.5/255 + 8 * 122.5/255 + 1 = 11.59, and 0.47; rounded, plus 128.
        assert_eq!(out[0].1.data, Data::U8(vec![140, 128]));
    }

    #[test]
    fn a_softmax_between_bytes_is_still_a_softmax() {
        // `qdq` followed by DequantizeLinear (scale 1, zero point 128), Softmax and QuantizeLinear (scale 1/256): by
        // hand, of 12 and 0 the softmax is 1 / (1 + e^-12) = 0.99999 and 0.00001, so 255 (saturated) and 0.
        let network = include_bytes!("../../../tests/data/qdq_softmax.onnx");
        let mut network = Tract::default().load(network, &spec(Layout::Nhwc, Dtype::U8), 1).unwrap();
        let bytes = (0..48).map(|i| i * 5).collect();
        let out = network.run(&Tensor { shape: vec![1, 4, 4, 3], data: Data::U8(bytes) }).unwrap();
        assert_eq!(out[0].1.data, Data::U8(vec![255, 0]));
    }

    #[test]
    fn another_input_than_the_manifests_is_named() {
        let fine = spec(Layout::Nchw, Dtype::F32);
        let wrong_name = refusal(INT8_WEIGHTS, &Input { name: "images".into(), ..fine.clone() });
        assert_eq!(wrong_name, "the manifest says `input.name` is images, the network has image");
        let wrong_size = refusal(INT8_WEIGHTS, &Input { width: 8, ..fine.clone() });
        assert!(
            wrong_size.contains("`input.width, input.height, input.layout` is [1, 3, 4, 8]"),
            "{wrong_size}"
        );
        let wrong_type = refusal(INT8_WEIGHTS, &Input { dtype: Dtype::U8, ..fine });
        assert_eq!(wrong_type, "the manifest says `input.dtype` is u8, the network has f32");
    }

    #[test]
    fn what_is_no_whole_network_is_refused() {
        let fine = spec(Layout::Nchw, Dtype::F32);
        assert!(refusal(b"not a network", &fine).contains("cannot load"));
        assert!(refusal(&INT8_WEIGHTS[..150], &fine).contains("cannot load"));
        let external = refusal(EXTERNAL, &fine);
        assert!(external.contains("its weights (b) lie in a second file"), "{external}");
    }

    #[test]
    fn an_input_of_another_shape_is_an_error_and_the_network_goes_on() {
        let mut network = Tract::default().load(INT8_WEIGHTS, &spec(Layout::Nchw, Dtype::F32), 2).unwrap();
        let wrong = Tensor { shape: vec![1, 3, 2, 2], data: Data::F32(vec![0.0; 12]) };
        assert!(matches!(network.run(&wrong), Err(EngineError::Shape { .. })));
        let short = Tensor { shape: vec![1, 3, 4, 4], data: Data::F32(vec![0.0; 12]) };
        assert!(matches!(network.run(&short), Err(EngineError::Run { .. })));
        let right = Tensor { shape: vec![1, 3, 4, 4], data: Data::F32(vec![0.0; 48]) };
        assert_eq!(network.run(&right).unwrap()[0].1.data, Data::F32(vec![1.0, -1.0]));
    }

    #[test]
    fn a_kept_network_answers_as_the_file_it_was_made_of() {
        let folder = tempfile::tempdir().unwrap();
        let tract = Tract::caching(Some(folder.path().to_owned()));
        let bench = Manifest::load(Path::new("models/bench-classifier")).unwrap().input;
        let classifier = &include_bytes!("../../../models/bench-classifier/bench-classifier.onnx")[..];
        let cases = [("a", INT8_WEIGHTS, spec(Layout::Nchw, Dtype::F32)), ("b", classifier, bench)];
        for (sha256, onnx, spec) in cases {
            assert!(tract.kept(sha256, &spec, 1).is_none());
            let mut first = tract.load_known(onnx, sha256, &spec, 1).unwrap();
            let mut second = tract.kept(sha256, &spec, 1).unwrap();
            let count: usize = spec.shape().iter().product();
            let data = Data::F32((0..count).map(|i| (i % 97) as f32 / 97.0).collect());
            let input = Tensor { shape: spec.shape().to_vec(), data };
            assert_eq!(first.run(&input).unwrap(), second.run(&input).unwrap());
            let wider = Input { width: 8, ..spec };
            assert!(tract.kept(sha256, &wider, 1).is_none(), "it was typed for another input");
        }
        // NNEF has no words for networks that compute in bytes: they are made anew each time.
        let spec = spec(Layout::Nhwc, Dtype::U8);
        tract.load_known(QDQ, "c", &spec, 1).unwrap();
        assert!(tract.kept("c", &spec, 1).is_none());
    }

    #[test]
    fn networks_of_exported_families_are_kept_where_nnef_has_words_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let tract = Tract::caching(Some(folder.path().to_owned()));
        let mut kept = Vec::new();
        for family in std::fs::read_dir("tests/data/exports").unwrap().map(|entry| entry.unwrap().path()) {
            let Manifest { name, file, sha256, input, .. } = Manifest::load(&family).unwrap();
            let mut first = tract.load_known(&std::fs::read(file).unwrap(), &sha256, &input, 1).unwrap();
            let Some(mut second) = tract.kept(&sha256, &input, 1) else { continue };
            let numbers: usize = input.shape().iter().product();
            let data = Data::F32((0..numbers).map(|i| (i % 251) as f32 / 251.0).collect());
            let input = Tensor { shape: input.shape().to_vec(), data };
            assert_eq!(first.run(&input).unwrap(), second.run(&input).unwrap(), "{name}");
            kept.push(name);
        }
        kept.sort();
        // tract 0.23.9 writes no GELU (DINOv2, Swin) and no remainder (YOLOv10).
        assert_eq!(kept, ["tiny-miewid", "tiny-rtdetr", "tiny-speciesnet", "tiny-yolov5", "tiny-yolov8"]);
    }

    #[test]
    fn what_was_kept_damaged_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let tract = Tract::caching(Some(folder.path().to_owned()));
        let spec = spec(Layout::Nchw, Dtype::F32);
        let cache = Cache::at(folder.path().to_owned());
        let key = Tract::key("a", &spec);
        // Something else; a file that begins rightly and ends; a graph of nothing (eight empty lists and names).
        let nothing = [&b"trapNet1"[..], &8u64.to_le_bytes(), &[0; 8]].concat();
        for file in [&b"whole, and no network"[..], b"trapNet1", &nothing] {
            let room = cache.room().unwrap();
            std::fs::write(room.network(), file).unwrap();
            cache.keep(&key, room);
            assert!(cache.get(&key).is_some());
            assert!(tract.kept("a", &spec, 1).is_none());
            assert!(cache.get(&key).is_none(), "it is not asked again");
        }
    }

    #[test]
    fn the_release_is_the_one_that_is_built_in() {
        let lock = include_str!("../../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"tract-onnx\"\nversion = \"{VERSION}\"")));
    }
}
