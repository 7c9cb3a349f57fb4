//! The payload codec for LoRaWAN servers says what the Rust codec says, of every frame and every command.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests may unwrap.

mod codec_support;

use std::process::Command as Process;

use codec_support::{Js, assert_same, codec, file, hex, rust_uplink, same};
use fastrand::Rng;
use rquickjs::{CatchResultExt, Context, Function, Module, Object, Runtime};
use serde_json::{Value, json};
use trapline::event::command::{Command, Order, Threshold};
use trapline::event::wire::{FRAME_MAX, pack};
use trapline::event::{
    Anchor, Code, Codebook, CommandAck, CommandResult, Digest, DigestLine, EPOCH, EventKey, Health, Lost,
    Message, Power, Reset, Seen, When, json as told,
};
use trapline::units::{ClockQuality, Score};

const FRAMES: usize = 10_000;

fn names() -> Vec<String> {
    ["Alces alces", "Canis lupus", "Capreolus capreolus", "Lynx lynx", "Sus scrofa"]
        .map(String::from)
        .to_vec()
}

/// Small half of the time, any otherwise: both the usual and the extreme must be told alike.
fn number(rng: &mut Rng) -> u32 {
    match rng.u8(0..4) {
        0 => rng.u32(0..5),
        1 => rng.u32(0..1000),
        2 => u32::MAX - rng.u32(0..3),
        _ => rng.u32(..),
    }
}

fn quality(rng: &mut Rng) -> ClockQuality {
    [ClockQuality::Unset, ClockQuality::Rtc, ClockQuality::Gps, ClockQuality::Network][rng.usize(..4)]
}

fn when(rng: &mut Rng) -> When {
    match quality(rng) {
        ClockQuality::Unset => When::SinceBoot { seconds: rng.u32(0..1 << 30) },
        quality => When::Utc { seconds: EPOCH + i64::from(rng.u32(0..1 << 30)), quality },
    }
}

fn message(rng: &mut Rng) -> Message {
    let code = |rng: &mut Rng| Code::new([0, 1, 2, 3, 4, 511, rng.u16(0..512)][rng.usize(..7)]).unwrap();
    let maybe = |rng: &mut Rng| rng.bool();
    match rng.u8(0..13) {
        0 => Message::Health(Health {
            at: when(rng),
            boot: number(rng),
            next: number(rng),
            codebook: if maybe(rng) { Codebook::new(&names()).unwrap().hash() } else { rng.u32(..) },
            uptime: number(rng),
            reset: [Reset::Unknown, Reset::Power, Reset::Program, Reset::Command, Reset::Watchdog]
                [rng.usize(..5)],
            version: [rng.u8(..), rng.u8(..), rng.u8(..)],
            battery: maybe(rng).then(|| rng.u16(..)),
            temperature: maybe(rng).then(|| rng.i8(..)),
            card_free: maybe(rng).then(|| rng.u8(..)),
            triggers: number(rng),
            empties: number(rng),
            suppressed: number(rng),
            failed: number(rng),
            waiting: number(rng),
        }),
        1 => Message::Digest(Digest {
            day: rng.u16(..),
            part: rng.u8(..),
            parts: rng.u8(..),
            effort: rng.u16(..),
            triggers: rng.u16(..),
            empties: rng.u16(..),
            lines: (0..rng.usize(0..18))
                .map(|_| DigestLine {
                    code: code(rng),
                    hours: rng.u32(0..1 << 24),
                    events: rng.u16(..),
                    folded: rng.u16(..),
                })
                .collect(),
        }),
        2 => Message::Lost(Lost {
            expired: number(rng),
            refused: number(rng),
            bursts: number(rng),
            captures: number(rng),
            damaged: number(rng),
            commands: number(rng),
        }),
        3 => {
            use CommandResult::*;
            let results =
                [Done, Trial, Kept, Reverted, Forged, Replayed, Expired, NoClock, Unknown, Invalid, Failed];
            let result = results[rng.usize(..11)];
            Message::Ack(CommandAck { counter: number(rng), result, number: maybe(rng).then(|| number(rng)) })
        }
        6 => Message::Power(Power {
            at: when(rng),
            boot: number(rng),
            next: number(rng),
            percent: maybe(rng).then(|| rng.u8(..)),
            milliamps: maybe(rng).then(|| rng.i32(..)),
            strain: maybe(rng).then(|| rng.u8(..)),
            lux: maybe(rng).then(|| rng.u32(..)),
            failures: number(rng),
            unjudged: number(rng),
            unverified: number(rng),
        }),
        4 | 5 => Message::Anchor(Anchor {
            boot: rng.u32(0..3) + if maybe(rng) { 128 } else { 0 },
            // Within the calendar, at its edges, within 2^53, and any.
            started: match rng.u8(0..6) {
                0 => rng.i64(..),
                1 => rng.i64(-9_007_199_254_740_993..=-9_007_199_254_740_989),
                2 => rng.i64(9_007_199_254_740_989..=9_007_199_254_740_993),
                3 => [253_402_300_799, 253_402_300_800, -62_167_219_200, -62_167_219_201, 0, -1]
                    [rng.usize(..6)],
                _ => EPOCH + rng.i64(0..1 << 30),
            },
            shift: if maybe(rng) { rng.i32(-100_000..100_000) } else { rng.i32(..) },
            before: rng.u32(0..1200),
            quality: quality(rng),
        }),
        _ => Message::Sighting(Seen {
            key: EventKey {
                boot: rng.u32(0..3),
                number: if maybe(rng) { rng.u32(0..1200) } else { number(rng) },
            },
            at: when(rng),
            code: code(rng),
            score: Score::new(rng.f32()),
            count: rng.u16(..200),
            alert: maybe(rng),
        }),
    }
}

fn frame(rng: &mut Rng) -> Vec<u8> {
    let mut row: Vec<Message> = (0..rng.usize(1..30)).map(|_| message(rng)).collect();
    if rng.u8(..4) == 0 {
        // Neighbours, as they come in life.
        let Some(Message::Sighting(first)) = row.iter().find(|m| matches!(m, Message::Sighting(_))).cloned()
        else {
            return frame(rng);
        };
        row = (0..rng.u32(1..30))
            .map(|i| {
                let key = EventKey { number: first.key.number.wrapping_add(i), ..first.key };
                Message::Sighting(Seen { key, count: rng.u16(1..20), ..first })
            })
            .collect();
    }
    let max = rng.usize(11..=FRAME_MAX);
    pack(&row, max).or_else(|_| pack(&row, FRAME_MAX)).unwrap().frame.to_vec()
}

#[test]
fn ten_thousand_frames_of_many_messages_are_told_alike() {
    let (js, mut rng, mut told) = (Js::new(), Rng::with_seed(1), std::collections::BTreeMap::new());
    for _ in 0..FRAMES {
        let frame = frame(&mut rng);
        let names = if rng.bool() { names() } else { Vec::new() };
        let (ours, rust) = (js.uplink(&frame, &names), rust_uplink(&frame, &names));
        assert_same(&ours, &rust, &hex(&frame));
        assert_eq!(rust.get("errors"), None, "{}", hex(&frame));
        for message in rust["data"]["messages"].as_array().unwrap() {
            *told.entry(message["type"].as_str().unwrap().to_owned()).or_insert(0usize) += 1;
        }
    }
    println!("{told:?}");
    assert_eq!(told.len(), 7);
    assert!(told.values().all(|n| *n > 2000), "{told:?}");
}

#[test]
fn damaged_and_cut_frames_and_garbage_are_refused_and_skipped_alike() {
    let (js, mut rng) = (Js::new(), Rng::with_seed(2));
    let (mut refused, mut warned) = (0, 0);
    for round in 0..3 * FRAMES {
        let mut bytes = frame(&mut rng);
        match round % 3 {
            0 => {
                for _ in 0..rng.usize(1..6) {
                    let at = rng.usize(..bytes.len());
                    match rng.u8(..4) {
                        0 => bytes[at] ^= 1 << rng.u8(..8),
                        1 => bytes[at] = rng.u8(..),
                        2 => bytes.insert(at, [0, 1, 2, 127, 128, 255, rng.u8(..)][rng.usize(..7)]),
                        _ => bytes.push(rng.u8(..)),
                    }
                }
            }
            1 => bytes.truncate(rng.usize(..bytes.len())),
            _ => {
                bytes = (0..rng.usize(..120)).map(|_| rng.u8(..)).collect();
                if let Some(first) = bytes.first_mut() {
                    *first = [0x11, 0x12, 0x12, 0x12, 0x13, *first][rng.usize(..6)];
                }
                // Items of known tags with bodies of garbage.
                if rng.bool() {
                    bytes = vec![0x12];
                    for _ in 0..rng.usize(1..6) {
                        let body: Vec<u8> =
                            (0..rng.u8(..60)).map(|_| rng.u8(..) & [255, 127, 3][rng.usize(..3)]).collect();
                        bytes.extend([rng.u8(..9), body.len() as u8]);
                        bytes.extend(body);
                    }
                }
            }
        }
        let (ours, rust) = (js.uplink(&bytes, &[]), rust_uplink(&bytes, &[]));
        assert_same(&ours, &rust, &hex(&bytes));
        refused += usize::from(rust.get("errors").is_some());
        warned += usize::from(rust.get("warnings").is_some());
    }
    println!("{refused} refused, {warned} with warnings");
    assert!(refused > 3000 && warned > 3000);
}

fn command(rng: &mut Rng) -> Command {
    match rng.u8(0..9) {
        8 => Command::Burst,
        0 => Command::Threshold {
            which: match rng.u8(0..4) {
                0 => Threshold::Empty,
                1 => Threshold::Sighting,
                2 => Threshold::Species,
                _ => Threshold::Taxon(Code::new(rng.u16(..512)).unwrap()),
            },
            thousandths: if rng.u8(..8) == 0 { rng.u16(..) } else { rng.u16(..=1000) },
        },
        1 => Command::Rule { index: rng.u8(..), on: rng.bool() },
        2 => Command::Status,
        3 => Command::Picture { number: number(rng) },
        4 if rng.u8(..8) == 0 => Command::Mark { latitude: rng.i32(..), longitude: rng.i32(..) },
        4 => Command::Mark {
            latitude: rng.i32(-90_000_000..=90_000_000),
            longitude: rng.i32(-180_000_000..=180_000_000),
        },
        5 => Command::Reboot,
        6 if rng.u8(..4) == 0 => Command::Time { utc: rng.i64(..) },
        6 if rng.bool() => Command::Time { utc: rng.i64(-9_007_199_254_740_991..=9_007_199_254_740_991) },
        6 => Command::Time { utc: EPOCH + i64::from(rng.u32(..)) },
        _ => Command::Received { upto: number(rng), missing: number(rng) },
    }
}

/// Whether a person could ask for it: the wire holds more than makes sense.
fn sensible(command: &Command) -> bool {
    match *command {
        Command::Threshold { thousandths, .. } => thousandths <= 1000,
        Command::Mark { latitude, longitude } => {
            latitude.unsigned_abs() <= 90_000_000 && longitude.unsigned_abs() <= 180_000_000
        }
        Command::Time { utc } => utc.unsigned_abs() < 1 << 53,
        _ => true,
    }
}

#[test]
fn ten_thousand_commands_are_sealed_and_told_alike() {
    let (js, mut rng, mut sealed_here) = (Js::new(), Rng::with_seed(3), 0);
    for _ in 0..FRAMES {
        let order =
            Order { counter: number(&mut rng), expires: number(&mut rng), command: command(&mut rng) };
        let device: String = (0..rng.usize(1..20)).map(|_| rng.char('!'..)).collect();
        let key: Vec<u8> = (0..rng.usize(16..=64)).map(|_| rng.u8(..)).collect();
        let sealed = order.seal(&device, &key).unwrap();
        let seal = sealed.last_chunk().unwrap();
        let fields = Value::Object(told::order(&order, seal));

        let read = js.call("decodeDownlink", &json!({"bytes": sealed.as_slice(), "fPort": 2}));
        assert_same(&read, &json!({"data": fields}), &hex(&sealed));

        let bytes = json!({"bytes": sealed.as_slice(), "fPort": 2});
        let passed = js.call("encodeDownlink", &json!({"data": {"sealed": hex(&sealed)}}));
        assert_same(&passed, &bytes, &hex(&sealed));

        let variables = json!({"device": device, "command_key": hex(&key)});
        let made = js.call("encodeDownlink", &json!({"data": fields, "variables": variables}));
        if sensible(&order.command) {
            assert_same(&made, &bytes, &fields.to_string());
            sealed_here += 1;
        } else {
            assert!(made["errors"][0].is_string() && made.get("bytes").is_none(), "{made}");
        }
    }
    println!("{sealed_here} sealed in JavaScript");
    assert!(sealed_here > 9_000);
}

#[test]
fn damaged_commands_are_refused_alike() {
    let (js, mut rng, mut refused) = (Js::new(), Rng::with_seed(4), 0);
    for _ in 0..FRAMES {
        let order =
            Order { counter: number(&mut rng), expires: number(&mut rng), command: command(&mut rng) };
        let mut bytes = order.seal("ridge-3", &[7; 32]).unwrap().to_vec();
        for _ in 0..rng.usize(1..4) {
            let at = rng.usize(..bytes.len().max(1));
            match rng.u8(..3) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at.min(bytes.len()), rng.u8(..)),
                _ => bytes.iter_mut().skip(at).take(1).for_each(|b| *b = [255, 0, 9, 128][rng.usize(..4)]),
            }
        }
        let read = js.call("decodeDownlink", &json!({"bytes": bytes, "fPort": 2}));
        match Order::peek(&bytes) {
            Ok((order, seal)) => {
                assert_same(&read, &json!({"data": told::order(&order, &seal)}), &hex(&bytes))
            }
            Err(error) => {
                assert_eq!(read["errors"], json!([error.to_string()]), "{}", hex(&bytes));
                refused += 1;
            }
        }
    }
    println!("{refused} refused");
    assert!(refused > 1000);
}

#[test]
fn no_input_makes_it_throw() {
    let js = Js::new();
    let odd = [
        json!(null),
        json!(7),
        json!("x"),
        json!([]),
        json!({}),
        json!(true),
        json!([1, "x", null, -1, 1e300, {}]),
    ];
    for function in ["decodeUplink", "encodeDownlink", "decodeDownlink"] {
        for value in &odd {
            for input in [
                value.clone(),
                json!({"bytes": value, "fPort": 1, "variables": {"codebook": value}}),
                json!({"bytes": [0x12, 5, 3, 0xac, 2, 3], "fPort": value, "variables": value}),
                json!({"bytes": value, "fPort": 2}),
                json!({"data": value}),
                json!({"data": {"sealed": value}}),
                json!({"data": {"command": value, "counter": value, "expires": value, "value": value, "which": value},
                       "variables": {"device": "a", "command_key": "00112233445566778899aabbccddeeff"}}),
                json!({"data": {"command": "time", "counter": 1, "expires_hours": value, "time": value}, "variables": value}),
            ] {
                let out = js.call(function, &input);
                assert!(out.is_object(), "{function}({input}): {out}");
            }
        }
    }
    for value in &odd {
        assert!(js.call("normalizeUplink", &json!({"data": value})).is_object());
    }
}

#[test]
fn species_have_names_only_by_the_traps_own_codebook() {
    let js = Js::new();
    // The wolf of docs/wire-format.md with code 4, the second of the names.
    let wolf = Seen {
        key: EventKey { boot: 3, number: 300 },
        at: When::Utc { seconds: 1_795_576_320, quality: ClockQuality::Rtc },
        code: Code::new(4).unwrap(),
        score: Score::new(0.9),
        count: 2,
        alert: true,
    };
    let frame = pack(&[Message::Sighting(wolf)], 11).unwrap().frame;
    let call = |book: &str| {
        js.call(
            "decodeUplink",
            &json!({"bytes": frame.as_slice(), "fPort": 1, "variables": {"codebook": book}}),
        )
    };
    let told = call("# the ridge\nAlces alces\n  Canis lupus # wolf\n\nLynx lynx\n");
    assert_eq!(told["data"]["messages"][0]["species"], "Canis lupus");
    assert_eq!(call("Alces alces;Canis lupus")["data"]["messages"][0]["species"], "Canis lupus");
    assert_eq!(call("")["data"]["messages"][0]["species"], Value::Null);
    let unsorted = call("Canis lupus,Alces alces");
    assert_eq!(unsorted["data"]["messages"][0]["species"], Value::Null);
    assert!(
        unsorted["warnings"][0].as_str().unwrap().starts_with("name 2 of the codebook does not come after")
    );
    assert_eq!(unsorted["data"]["messages"][0]["code"], 4);
}

#[test]
fn what_a_person_gets_wrong_is_told() {
    let js = Js::new();
    let key = "00112233445566778899aabbccddeeff";
    let good =
        json!({"counter": 7, "expires_hours": 2, "command": "threshold", "which": "sighting", "value": 0.8});
    let with = |field: &str, value: Value| {
        let mut data = good.clone();
        data[field] = value;
        js.call(
            "encodeDownlink",
            &json!({"data": data, "variables": {"device": "ridge-3", "command_key": key}}),
        )
    };
    assert!(with("counter", json!(8)).get("errors").is_none());
    for (field, value, part) in [
        ("counter", json!(-1), "counter must be"),
        ("counter", json!("8"), "counter must be"),
        ("command", json!("sleep"), "command must be"),
        ("which", json!("all"), "which must be"),
        ("value", json!(1.2), "value must be"),
        ("expires", json!("tomorrow"), "expires must be"),
        ("expires_s", json!(0), "expires must be"),
        ("sealed", json!("abc"), "sealed must be"),
    ] {
        let out = with(field, value.clone());
        assert!(out["errors"][0].as_str().unwrap().starts_with(part), "{field} {value}: {out}");
        assert!(out.get("bytes").is_none());
    }
    let unkeyed = js.call("encodeDownlink", &json!({"data": good}));
    assert!(unkeyed["errors"][0].as_str().unwrap().contains("made by `trapline command`"));
    let short = js
        .call("encodeDownlink", &json!({"data": good, "variables": {"device": "a", "command_key": "0011"}}));
    assert_eq!(short["errors"][0], "a key of 2 bytes; give 16 to 64 bytes, 32 is best");
}

/// Two hours from now by the machine's clock, within the minute that a call may take.
#[test]
fn a_command_expires_when_it_was_asked_to() {
    let js = Js::new();
    let data = json!({"counter": 7, "expires_hours": 2, "command": "status"});
    let variables = json!({"device": "ridge-3", "command_key": "00112233445566778899aabbccddeeff"});
    let bytes: Vec<u8> = serde_json::from_value(
        js.call("encodeDownlink", &json!({"data": data, "variables": variables}))["bytes"].clone(),
    )
    .unwrap();
    let order = Order::open(&bytes, "ridge-3", &(0..16).map(|i| i * 0x11).collect::<Vec<u8>>()).unwrap();
    let asked = chrono::Utc::now().timestamp() + 7200 - EPOCH;
    assert!((asked - 60..=asked + 60).contains(&i64::from(order.expires)));
}

/// As ChirpStack 4.15 runs it (`chirpstack/src/codec/js/mod.rs`): a sloppy script with its input in a global.
#[test]
fn it_runs_as_chirpstack_runs_it() {
    let runtime = Runtime::new().unwrap();
    let context = Context::full(&runtime).unwrap();
    context.with(|ctx| {
        let input = Object::new(ctx.clone()).unwrap();
        input.set("bytes", vec![0x12u8, 5, 3, 0xac, 0x02, 3]).unwrap();
        input.set("fPort", 1u8).unwrap();
        input.set("variables", Object::new(ctx.clone()).unwrap()).unwrap();
        ctx.globals().set("chirpstack_input", input).unwrap();
        let mut options = rquickjs::context::EvalOptions::default();
        options.strict = false;
        let script = format!("\n{}\n\ndecodeUplink(chirpstack_input)\n", codec());
        let out: Object =
            ctx.eval_with_options(script, options).catch(&ctx).map_err(|e| e.to_string()).unwrap();
        // It takes absent errors for none.
        assert!(out.get::<_, Vec<String>>("errors").is_err());
        let first: Object =
            out.get::<_, Object>("data").unwrap().get::<_, Vec<Object>>("messages").unwrap().remove(0);
        assert_eq!(first.get::<_, String>("result").unwrap(), "reverted");
    });
}

/// As ChirpStack before 4.8 ran it: a module, which is always strict.
#[test]
fn it_runs_as_a_strict_module() {
    let runtime = Runtime::new().unwrap();
    let context = Context::full(&runtime).unwrap();
    context.with(|ctx| {
        let source = format!(
            "{}\nexport {{ decodeUplink, encodeDownlink, decodeDownlink, normalizeUplink }};",
            codec()
        );
        let module =
            Module::declare(ctx.clone(), "codec", source).catch(&ctx).map_err(|e| e.to_string()).unwrap();
        let (module, done) = module.eval().unwrap();
        done.finish::<()>().unwrap();
        let call = |name: &str, input: Value| -> Value {
            let function: Function = module.get(name).unwrap();
            let input = ctx.json_parse(input.to_string()).unwrap();
            let out: rquickjs::Value =
                function.call((input,)).catch(&ctx).map_err(|e| e.to_string()).unwrap();
            let text = ctx.json_stringify(out).unwrap().unwrap().to_string().unwrap();
            serde_json::from_str(&text).unwrap()
        };
        let mut rng = Rng::with_seed(5);
        for _ in 0..100 {
            let frame = frame(&mut rng);
            let out = call("decodeUplink", json!({"bytes": frame, "fPort": 1}));
            assert_same(&out, &rust_uplink(&frame, &[]), &hex(&frame));
        }
        let data = json!({"counter": 7, "expires_s": EPOCH + 100, "command": "status"});
        let key: String = hex(b"0123456789abcdef0123456789abcdef");
        let variables = json!({"device": "ridge-3", "command_key": key});
        let out = call("encodeDownlink", json!({"data": data, "variables": variables}));
        // The seal is openssl's, as in src/event/command.rs.
        let bytes = [1, 7, 100, 2, 0x9f, 0xa5, 0x05, 0x4c, 0xd6, 0x00, 0xef, 0xda];
        assert_eq!(out, json!({"bytes": bytes, "fPort": 2}));
    });
}

#[test]
fn it_is_smaller_than_the_things_stack_allows() {
    // 40,960 bytes: thethingsindustries.com/docs/integrations/payload-formatters/javascript
    let size = codec().len();
    println!("{size} bytes");
    assert!(size < 40_960, "{size}");
    assert!(codec().is_ascii());
}

/// The program, or none where it is not installed, which in CI is a failure.
fn installed(program: &str) -> bool {
    let there = Process::new(program).arg("--help").output().is_ok();
    if !there {
        assert!(std::env::var_os("CI").is_none(), "{program} is not installed");
        println!("skipped: {program} is not installed");
    }
    there
}

#[test]
fn its_grammar_is_that_of_ecmascript_5() {
    if !installed("acorn") {
        return;
    }
    let check = |path: &std::path::Path| {
        Process::new("acorn").args(["--ecma5", "--silent"]).arg(path).output().unwrap()
    };
    let out = check(&file("trapline-codec.js"));
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    // The check can fail.
    let newer = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(newer.path(), "var f = (a) => a;").unwrap();
    assert!(!check(newer.path()).status.success());
}

/// MuJS knows ECMAScript 5.1 and nothing later: another engine, another hand.
#[test]
fn another_engine_of_ecmascript_5_tells_the_same() {
    if !installed("mujs") {
        return;
    }
    let mut rng = Rng::with_seed(6);
    let frames: Vec<Vec<u8>> = (0..500).map(|_| frame(&mut rng)).collect();
    let order = Order { counter: 7, expires: 100, command: Command::Status };
    let sealed = order.seal("ridge-3", &[7; 32]).unwrap();
    let script = format!(
        "{}\nvar frames = JSON.parse('{}');\nfor (var f = 0; f < frames.length; f++) {{\n  \
         print(JSON.stringify(decodeUplink({{ bytes: frames[f], fPort: 1 }})));\n}}\n\
         print(JSON.stringify(encodeDownlink({{ data: {{ counter: 7, expires_s: EPOCH + 100, command: 'status' }},\n  \
         variables: {{ device: 'ridge-3', command_key: '{}' }} }})));\n",
        codec(),
        json!(frames),
        "07".repeat(32)
    );
    let path = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(path.path(), script).unwrap();
    let out = Process::new("mujs").arg(path.path()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    for frame in &frames {
        assert_same(&lines.next().unwrap(), &rust_uplink(frame, &[]), &hex(frame));
    }
    assert!(same(&lines.next().unwrap(), &json!({"bytes": sealed.as_slice(), "fPort": 2})));
    assert_eq!(lines.next(), None);
}
