//! The page in Chromium: a technician at the trap, with a link that breaks, in every language and theme; a reviewer at
//! a laptop with the keyboard alone.
#![cfg(feature = "console")]
#![allow(clippy::unwrap_used, clippy::panic)]

mod browser_support;
mod console_support;
mod daemon_support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use browser_support::{Browser, key};
use console_support::{Daemon, free_port, within};
use daemon_support::Trap;
use serde_json::{Value, json};

/// Where CI runs everything is there.
fn skip(why: &str) {
    println!("skipped: {why}");
    assert!(std::env::var_os("CI").is_none(), "skipped: {why}");
}

const PHONE: (u32, u32) = (390, 844);
const DESKTOP: (u32, u32) = (1440, 900);

/// A board of the bench and a site with the bundled networks. The clock is the system's: a correction is kept in the
/// daemon and does not set the machine's.
fn trap() -> (Trap, u16) {
    let (trap, port) = (Trap::new(), free_port());
    let root = env!("CARGO_MANIFEST_DIR");
    trap.write("boards/fast.toml", "trigger = \"bench\"\ncamera = \"bench\"\nclock = \"system\"\n[bench]\nplay = \"random\"\nseed = 3\nwidth = 640\nheight = 480\n");
    let site = format!(
        "board = \"fast\"\n[site]\nname = \"ridge\"\n[burst]\nframes = 2\n\
         [models]\nmanifests = [\"{root}/models/bench-detector\", \"{root}/models/bench-classifier\"]\n\
         [retention]\nsightings = \"all\"\nempties_one_in = 1\nfloor_mb = 0\n\
         [console]\non = \"start\"\nminutes = 60\nlisten = \"127.0.0.1:{port}\"\n"
    );
    trap.write("site.toml", &site);
    (trap, port)
}

/// The first bursts as fast as they come, then a quiet trap with its page on.
fn quiet() -> Option<(Trap, Daemon)> {
    if let Some(why) = browser_support::missing() {
        skip(&why);
        return None;
    }
    let (trap, port) = trap();
    let site = std::fs::read_to_string(trap.path("site.toml")).unwrap();
    trap.write("site.toml", &site.replace("on = \"start\"", "on = \"never\""));
    let run = trap.run(&["--bursts", "12"]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    trap.write("site.toml", &site);
    let board = std::fs::read_to_string(trap.path("boards/fast.toml")).unwrap();
    // Under this seed the first scene is a day with an animal in the middle.
    trap.write("boards/fast.toml", &format!("{}pace = \"real\"\n", board.replace("seed = 3", "seed = 10")));
    let daemon = Daemon::of(trap.start(&["--json"]), port);
    Some((trap, daemon))
}

fn enter(browser: &Browser, daemon: &Daemon) {
    browser.open(&format!("http://{}/", daemon.at));
    browser.write("#secret", &daemon.secret);
    browser.press("Open");
    browser.until("document.querySelector('nav')");
}

/// Besides the one refusal that brings up the door, the browser has nothing to say.
fn assert_silent(browser: &Browser) {
    let mut said = browser.complaints();
    said.retain(|m| !(m.contains("/api/me") && m.contains("401")));
    assert_eq!(said, Vec::<String>::new());
}

#[test]
fn a_technician_aims_corrects_fills_in_the_form_and_sets_the_clock() {
    let Some((_trap, daemon)) = quiet() else { return };
    let browser = Browser::new(PHONE.0, PHONE.1);
    enter(&browser, &daemon);

    // Boxes are drawn on the aim view, at the places that the detector told.
    browser.press("Start the aim view");
    browser.until("document.querySelector('.aim-stage img')");
    browser.until("document.querySelector('.aim-stage .box')");
    let inside = "[...document.querySelectorAll('.aim-stage .box')].every((b) => { const o = b.parentNode.getBoundingClientRect(), \
                  r = b.getBoundingClientRect(); return r.width > 4 && r.left > o.left - 2 && r.right < o.right + 2; })";
    browser.until(inside);
    browser.press("Stop the aim view");

    // A label is corrected, by its German name's beginning in another language than the page's.
    browser.open(&format!("http://{}/#/events", daemon.at));
    browser.click(".grid .tile");
    browser.press("Animal …");
    browser.write(".animals input", "Luchs");
    browser.reads("Eurasian lynx");
    browser.keys(key::ENTER);
    browser.press("Save");
    browser.reads("Labelled: Eurasian lynx");
    let client = daemon.client();
    let labelled = || client.object("/api/bursts?labelled=yes")["items"].as_array().unwrap().clone();
    assert!(within(Duration::from_secs(10), || labelled().len() == 1));
    assert_eq!(labelled()[0]["decided"]["seen"][0]["taxon"], "Lynx lynx");
    browser.press("Undo");
    assert!(within(Duration::from_secs(10), || labelled().is_empty()));
    browser.keys(key::ESCAPE);

    // A heading that no compass has is told at its field, and is not sent.
    browser.open(&format!("http://{}/#/setup", daemon.at));
    browser.write("[name=heading_deg]", "361");
    browser.write("[name=location_id]", "grid-07");
    browser.press("Save");
    browser.reads("Allowed: whole numbers from 0 to 360");
    assert!(browser.truth("document.activeElement.name === 'heading_deg' && document.activeElement.getAttribute('aria-invalid') === 'true'"));
    assert_eq!(client.object("/api/setup")["location_id"], Value::Null);
    browser.write("[name=heading_deg]", "34");
    browser.press("Save");
    browser.reads("Saved.");
    let setup = client.object("/api/setup");
    assert_eq!((&setup["heading_deg"], &setup["location_id"]), (&json!(34), &json!("grid-07")));

    // The trap's clock is two hours behind; the phone sets it.
    let late = chrono::Utc::now() - chrono::TimeDelta::hours(2);
    assert_eq!(client.post("/api/time", &json!({ "utc": late.to_rfc3339() })).status, 200);
    browser.open(&format!("http://{}/#/power", daemon.at));
    browser.reads("The trap is 2 h 0 min behind.");
    browser.press("Set the trap by this phone");
    browser.reads("Both clocks agree.");
    assert_silent(&browser);
}

#[test]
fn nothing_typed_is_lost_when_the_link_breaks() {
    let Some((trap, mut daemon)) = quiet() else { return };
    let browser = Browser::new(PHONE.0, PHONE.1);
    enter(&browser, &daemon);
    browser.open(&format!("http://{}/#/setup", daemon.at));
    browser.write("[name=habitat]", "beech forest");
    browser.open(&format!("http://{}/#/events", daemon.at));
    browser.until("document.querySelector('.grid .tile')");
    daemon.child.kill().unwrap();
    daemon.child.wait().unwrap();

    browser.click(".grid .tile");
    browser.press("Vehicle");
    browser.reads("The trap does not answer. Trying again; nothing you typed is lost.");
    browser.reads("1 label waits to be sent.");

    // The page may even be closed meanwhile. The trap knows nobody after its start and asks for the secret.
    let mut child = trap.start(&["--json"]);
    for stream in [
        child.stdout.take().map(|o| Box::new(o) as Box<dyn std::io::Read + Send>),
        child.stderr.take().map(|e| Box::new(e) as _),
    ] {
        let lines = BufReader::new(stream.unwrap()).lines();
        std::thread::spawn(move || lines.for_each(drop));
    }
    let again =
        Daemon { child, at: daemon.at, secret: daemon.secret.clone(), bursts: Arc::new(AtomicUsize::new(0)) };
    assert!(again.listens_within(Duration::from_secs(30)));
    enter(&browser, &again);
    let client = again.client();
    let labelled = || client.object("/api/bursts?labelled=yes&outcome=vehicle")["total"] == 1;
    assert!(within(Duration::from_secs(20), labelled));
    browser.open(&format!("http://{}/#/setup", daemon.at));
    browser.reads("From your last visit, not saved yet.");
    assert!(browser.truth("document.querySelector('[name=habitat]').value === 'beech forest'"));
}

#[test]
fn every_view_in_every_language_and_theme_passes_axe() {
    let axe = match browser_support::axe() {
        Ok(axe) => axe,
        Err(why) => return skip(&why),
    };
    let Some((_trap, daemon)) = quiet() else { return };
    for size in [PHONE, DESKTOP] {
        let browser = Browser::new(size.0, size.1);
        browser.open(&format!("http://{}/", daemon.at));
        browser.until("document.querySelector('#secret')");
        assert_eq!(browser.violations(&axe), Vec::<String>::new(), "the door");
        enter(&browser, &daemon);
        for language in ["en", "de", "fr"] {
            for theme in ["light", "dark", "red"] {
                browser.js(&format!(
                    "localStorage.setItem('trapline.language', '\"{language}\"'); localStorage.setItem('trapline.theme', '\"{theme}\"'); location.reload()"
                ));
                for view in
                    ["", "events", "uncertain", "review", "setup", "settings", "doctor", "data", "power"]
                {
                    browser.open(&format!("http://{}/#/{view}", daemon.at));
                    let name = if view.is_empty() { "live" } else { view };
                    browser.until(&format!("document.querySelector('.view.{name}')"));
                    browser.until("document.documentElement.getAttribute('data-theme')");
                    std::thread::sleep(Duration::from_millis(400));
                    let found = browser.violations(&axe);
                    assert_eq!(found, Vec::<String>::new(), "{name}, {language}, {theme}, {size:?}");
                    assert!(
                        browser.truth("document.documentElement.scrollWidth <= innerWidth"),
                        "{name} {language} is too wide"
                    );
                }
                browser.open(&format!("http://{}/#/events", daemon.at));
                browser.click(".grid .tile");
                browser.click(".sheet .answer.sighting");
                browser.write(".animals input", "lu");
                browser.until("document.querySelector('.found li')");
                let found = browser.violations(&axe);
                assert_eq!(found, Vec::<String>::new(), "naming, {language}, {theme}, {size:?}");
                browser.keys(key::ESCAPE);
                browser.keys(key::ESCAPE);
                browser.keys(key::ESCAPE);
                browser.until("!document.querySelector('.sheet')");
            }
        }
        assert_silent(&browser);
    }
}

#[test]
fn the_first_load_is_below_150_000_bytes_on_the_wire() {
    let Some((_trap, daemon)) = quiet() else { return };
    let browser = Browser::new(PHONE.0, PHONE.1);
    browser.open(&format!("http://{}/", daemon.at));
    browser.until("document.querySelector('#secret')");
    // Transfer sizes are those of the browser's network: headers and compressed bodies (Resource Timing, transferSize).
    let sizes = browser.js(
        "return performance.getEntriesByType('navigation').concat(performance.getEntriesByType('resource')).map((e) => [e.name, e.transferSize])",
    );
    let sizes: Vec<(String, u64)> = serde_json::from_value(sizes).unwrap();
    let sum: u64 = sizes.iter().map(|(_, size)| size).sum();
    assert!(
        sizes.len() > 20 && sizes.iter().any(|(name, size)| name.ends_with("/app.js") && *size > 300),
        "{sizes:?}"
    );
    println!("first load: {sum} bytes in {} answers", sizes.len());
    assert!(sum < 150_000, "{sum}: {sizes:?}");
    assert!(sizes.iter().all(|(name, _)| name.starts_with(&format!("http://{}/", daemon.at))), "{sizes:?}");
}

#[test]
fn a_name_with_markup_stays_text() {
    let Some((_trap, daemon)) = quiet() else { return };
    let evil = "<img src=x onerror=\"document.title='owned'\">";
    let client = daemon.client();
    let id = client.object("/api/bursts?sort=new&limit=1")["items"][0]["id"].clone();
    let label = json!({ "bursts": [id], "outcome": "sighting", "seen": [{ "taxon": "Nomen nudum", "rank": "species", "label": evil, "count": 1 }], "comment": evil, "who": evil });
    assert_eq!(client.post("/api/label", &label).status, 200);
    let browser = Browser::new(PHONE.0, PHONE.1);
    enter(&browser, &daemon);
    for view in ["", "events"] {
        browser.open(&format!("http://{}/#/{view}", daemon.at));
        browser.until("document.querySelector('.tile')");
        browser.reads(evil);
    }
    browser.click(&format!(".grid .tile[data-key={id}]"));
    browser.until("document.querySelector('.facts')");
    assert!(
        browser.truth(&format!(
            "document.querySelector('.facts').textContent.split({}).length === 4",
            json!(evil)
        ))
    );
    assert!(
        !browser
            .truth("document.querySelector('img[src=x], img[onerror]') || document.title.includes('owned')")
    );
    assert_silent(&browser);
}

struct Review(Child);

impl Drop for Review {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_reviewer_works_with_the_keyboard_alone() {
    let Some((trap, daemon)) = quiet() else { return };
    drop(daemon);
    let mut command = Command::new(env!("CARGO_BIN_EXE_trapline"));
    command.arg("review").arg(trap.journal()).args(["--no-open", "--json"]);
    let mut review = Review(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(review.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = serde_json::from_str::<Value>(&line).unwrap()["url"].as_str().unwrap().to_owned();

    let browser = Browser::new(DESKTOP.0, DESKTOP.1);
    browser.open(&url);
    browser.until("document.querySelectorAll('.option').length > 8");
    let labelled = |outcome: &str| {
        let word = format!(
            "fetch('/api/bursts?labelled=yes&outcome={outcome}').then((r) => r.json()).then((a) => {{ window.told = a.total; }})"
        );
        browser.js(&format!("window.told = null; {word}"));
        browser.until("window.told !== null");
        browser.js("return window.told").as_u64().unwrap()
    };
    // Two that are empty, chosen with shift; the next a vehicle; the vehicle taken back.
    browser.js("document.querySelector('.option').focus()");
    browser.js("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', shiftKey: true, bubbles: true }))");
    browser.reads("2 chosen");
    browser.keys("e");
    browser.reads("2 labelled: empty");
    assert!(within(Duration::from_secs(10), || labelled("empty") == 2));
    browser.keys("v");
    assert!(within(Duration::from_secs(10), || labelled("vehicle") == 1));
    browser.keys("z");
    assert!(within(Duration::from_secs(10), || labelled("vehicle") == 0));

    // Large, and back to the same tile.
    browser.keys(key::RIGHT);
    let here = browser.js("return document.activeElement.id");
    browser.keys(key::SPACE);
    browser.until("document.querySelector('.sheet .film')");
    browser.keys(key::ESCAPE);
    browser.until("!document.querySelector('.sheet')");
    assert_eq!(browser.js("return document.activeElement.id"), here);

    // The slider sifts what is shown, at once.
    let before =
        browser.js("return [...document.querySelectorAll('.option')].filter((o) => !o.hidden).length");
    browser.js("const s = document.getElementById('review-min'); s.value = 0.9; s.dispatchEvent(new Event('input', { bubbles: true }))");
    let after =
        browser.js("return [...document.querySelectorAll('.option')].filter((o) => !o.hidden).length");
    assert!(after.as_u64() < before.as_u64(), "{before} {after}");
    assert_silent(&browser);
}

/// Between the braces the catalogue is plain JSON; what the modules ask it for must be there.
#[test]
fn the_catalogue_is_whole_in_every_language() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console/page");
    let catalogue = std::fs::read_to_string(page.join("texts.js")).unwrap();
    let table = |name: &str| -> serde_json::Map<String, Value> {
        let (_, rest) = catalogue.split_once(&format!("export const {name} = ")).unwrap();
        serde_json::from_str(&format!("{}\n}}", rest.split_once("\n};").unwrap().0)).unwrap()
    };
    let (texts, names) = (table("texts"), table("names"));
    assert!(texts.len() > 300 && names.len() > 50);
    let marks = |text: &str| -> Vec<String> {
        let mut all: Vec<String> = text
            .split('{')
            .skip(1)
            .filter_map(|p| Some(p.split_once('}')?.0.split('|').next()?.to_owned()))
            .collect();
        all.sort();
        all.dedup();
        all
    };
    for (key, entry) in texts.iter().chain(&names) {
        let said: Vec<&str> = ["en", "de", "fr"]
            .iter()
            .map(|l| entry[l].as_str().unwrap_or_else(|| panic!("{key} has no {l}")))
            .collect();
        assert!(said.iter().all(|s| !s.trim().is_empty()), "{key}");
        assert!(said.iter().all(|s| marks(s).iter().all(|m| marks(said[0]).contains(m))), "{key}: {said:?}");
        assert_eq!(entry.as_object().unwrap().len(), 3, "{key}");
    }
    let mut asked = 0;
    for file in std::fs::read_dir(&page).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|e| e != "js") || path.ends_with("texts.js") {
            continue;
        }
        let code = std::fs::read_to_string(&path).unwrap();
        for (at, _) in code.match_indices("t(\"") {
            // Not the end of a longer name.
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let Some((key, rest)) = code[at + 3..].split_once('"') else { continue };
            asked += 1;
            // A key made of two parts: some text must begin with the first.
            let known = match rest.trim_start().starts_with('+') {
                true => texts.keys().any(|k| k.starts_with(key)),
                false => texts.contains_key(key),
            };
            assert!(known, "{} asks for \"{key}\"", path.display());
        }
    }
    assert!(asked > 200, "{asked}");
}
