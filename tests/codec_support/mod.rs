//! The payload codec in QuickJS, cut down to what ECMAScript 5.1 has, and what the Rust codec says of the same bytes.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests may unwrap.

use std::path::{Path, PathBuf};

use rquickjs::{CatchResultExt, Context, Function, Runtime};
use serde_json::{Value, json};
use trapline::event::wire::{Anchors, WireError, decode};
use trapline::event::{Codebook, Message, json as told};

pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cross/lorawan").join(name)
}

pub fn codec() -> String {
    std::fs::read_to_string(file("trapline-codec.js")).unwrap()
}

/// Takes away every global, static and method that ECMAScript 5.1 (chapter 15) does not name. RegExp's prototype stays:
/// the engine itself leans on it.
const ES5: &str = r#"(function (g) {
  var dates = Object.getOwnPropertyNames(Date.prototype).filter(function (n) { return /^(get|set|to[A-Z])/.test(n); });
  var words = function (text) { return text.split(" "); };
  var keep = {
    Object: ["prototype length name getPrototypeOf getOwnPropertyDescriptor getOwnPropertyNames create defineProperty" +
      " defineProperties seal freeze preventExtensions isSealed isFrozen isExtensible keys",
      "constructor toString toLocaleString valueOf hasOwnProperty isPrototypeOf propertyIsEnumerable"],
    Function: ["prototype length name", "constructor toString apply call bind length name"],
    Array: ["prototype length name isArray", "constructor length toString toLocaleString concat join pop push reverse" +
      " shift slice sort splice unshift indexOf lastIndexOf forEach map every some filter reduce reduceRight"],
    String: ["prototype length name fromCharCode", "constructor length toString valueOf charAt charCodeAt concat" +
      " indexOf lastIndexOf localeCompare match replace search slice split substring toLowerCase toLocaleLowerCase" +
      " toUpperCase toLocaleUpperCase trim"],
    Boolean: ["prototype length name", "constructor toString valueOf"],
    Number: ["prototype length name MAX_VALUE MIN_VALUE NaN NEGATIVE_INFINITY POSITIVE_INFINITY",
      "constructor toString toLocaleString valueOf toFixed toExponential toPrecision"],
    Date: ["prototype length name parse UTC now", "constructor valueOf " + dates.join(" ")],
    Math: ["E LN10 LN2 LOG2E LOG10E PI SQRT1_2 SQRT2 abs acos asin atan atan2 ceil cos exp floor log max min pow" +
      " random round sin sqrt tan", ""],
    JSON: ["parse stringify", ""]
  };
  var globals = words("RegExp Error EvalError RangeError ReferenceError SyntaxError TypeError URIError NaN Infinity" +
    " undefined parseInt parseFloat isNaN isFinite decodeURI decodeURIComponent encodeURI encodeURIComponent eval")
    .concat(Object.keys(keep));
  var cut = function (object, names) {
    Object.getOwnPropertyNames(object).forEach(function (n) { if (names.indexOf(n) < 0) { delete object[n]; } });
  };
  var objects = Object.keys(keep).map(function (n) { return [g[n], keep[n]]; });
  cut(g, globals);
  objects.forEach(function (one) {
    if (one[0].prototype) { cut(one[0].prototype, words(one[1][1])); }
    cut(one[0], words(one[1][0]));
  });
})(globalThis);"#;

/// Calls a function of the codec by its name with JSON, and gives JSON back.
const CALL: &str = "(function (g) { return function (name, input) {
  return JSON.stringify(g[name](JSON.parse(input)));
}; })(this)";

/// The codec in an engine.
pub struct Js {
    context: Context,
    _runtime: Runtime,
}

impl Js {
    /// As a script in an engine that has nothing but ECMAScript 5.1.
    pub fn new() -> Js {
        let runtime = Runtime::new().unwrap();
        let context = Context::full(&runtime).unwrap();
        context.with(|ctx| {
            let mut sloppy = rquickjs::context::EvalOptions::default();
            sloppy.strict = false;
            let script = format!("{ES5}\n{}", codec());
            ctx.eval_with_options::<(), _>(script, sloppy).catch(&ctx).map_err(|e| e.to_string()).unwrap();
            for later in
                ["Map", "Symbol", "Promise", "Uint8Array", "BigInt", "globalThis", "Buffer", "require"]
            {
                assert_eq!(ctx.eval::<String, _>(format!("typeof {later}")).unwrap(), "undefined");
            }
            assert!(
                ctx.eval::<bool, _>("![].includes && !''.padStart && !Math.trunc && !Object.assign").unwrap()
            );
        });
        Js { context, _runtime: runtime }
    }

    pub fn call(&self, name: &str, input: &Value) -> Value {
        self.context.with(|ctx| {
            let mut sloppy = rquickjs::context::EvalOptions::default();
            sloppy.strict = false;
            let call: Function = ctx.eval_with_options(CALL, sloppy).unwrap();
            let text: String = call
                .call((name, input.to_string()))
                .catch(&ctx)
                .unwrap_or_else(|e| panic!("{name}({input}): {e}"));
            serde_json::from_str(&text).unwrap()
        })
    }

    pub fn uplink(&self, frame: &[u8], names: &[String]) -> Value {
        let variables = json!({"codebook": names.join(",")});
        self.call("decodeUplink", &json!({"bytes": frame, "fPort": 1, "variables": variables}))
    }
}

/// What the Rust codec says of a frame, in the shape that servers expect: a frame that was cut, of another version, or
/// with nothing that could be read is an error; what else could not be read, was skipped or is longer is a warning.
pub fn rust_uplink(frame: &[u8], names: &[String]) -> Value {
    let mut decoded = match decode(frame) {
        Ok(decoded) => decoded,
        Err(error) => return json!({"errors": [error.to_string()]}),
    };
    let (mut messages, mut errors, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    let mut anchors = Anchors::<256>::new();
    for message in decoded.by_ref() {
        match message {
            Ok(message) => {
                if let Message::Anchor(anchor) = &message {
                    anchors.add(*anchor).unwrap();
                }
                messages.push(message);
            }
            Err(error @ WireError::Cut) => errors.push(error.to_string()),
            Err(error) => unread.push(error.to_string()),
        }
    }
    let mut warnings = Vec::new();
    let book = (!names.is_empty()).then(|| Codebook::new(names).unwrap());
    let book = book.filter(|book| {
        let ours = book.hash();
        let other = messages.iter().find_map(|m| match m {
            Message::Health(h) if h.codebook != ours => Some(h.codebook),
            _ => None,
        });
        warnings.extend(other.map(|theirs| {
            format!("the trap's codebook is {theirs:08x}, the one here {ours:08x}: codes, not names")
        }));
        other.is_none()
    });
    if messages.is_empty() {
        errors.append(&mut unread)
    } else {
        warnings.append(&mut unread)
    }
    let (skipped, longer) = (decoded.skipped(), decoded.longer());
    if skipped + longer > 0 {
        warnings.push(format!("{skipped} skipped and {longer} read in part: of a later version; update"));
    }
    let told: Vec<_> = messages.iter().map(|m| told::message(m, &anchors, book.as_ref())).collect();
    let mut out = json!({});
    if !told.is_empty() || errors.is_empty() {
        out["data"] = json!({"messages": told});
    }
    if !warnings.is_empty() {
        out["warnings"] = json!(warnings);
    }
    if !errors.is_empty() {
        out["errors"] = json!(errors);
    }
    out
}

/// Equal as JSON: 1 and 1.0 are the same number.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y)),
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(name, x)| y.get(name).is_some_and(|y| same(x, y)))
        }
        _ => a == b,
    }
}

#[track_caller]
pub fn assert_same(js: &Value, rust: &Value, what: &str) {
    assert!(same(js, rust), "{what}\nJavaScript {js}\nRust       {rust}");
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
