//! The trap's own page with a gallery: which lynx it was is shown beside the gallery's pictures as soon as the burst is
//! judged, over plain HTTP and on a phone's screen, and a person's word counts there too.
#![cfg(all(feature = "console", feature = "tract"))]
#![allow(clippy::unwrap_used, clippy::panic)]

mod browser_support;
mod console_support;
mod daemon_support;
mod individuals_support;

use std::time::Duration;

use browser_support::Browser;
use console_support::{Client, Daemon, free_port, within};
use daemon_support::Trap;
use individuals_support::{ENROLLED, MET, STRANGER, alone, bench, gallery, said, site};
use serde_json::{Value, json};
use trapline::store::standing;

/// Where CI runs everything is there.
fn skip(why: &str) {
    println!("skipped: {why}");
    assert!(std::env::var_os("CI").is_none(), "skipped: {why}");
}

const PHONE: (u32, u32) = (390, 844);

/// A trap that saw a stranger before, and now, with its page on, a lynx that it knows; then nothing for a day.
fn trap() -> (Trap, Daemon) {
    assert_eq!([alone(MET), alone(STRANGER)], [18, 15], "whom the renderer shows");
    let (trap, port) = (Trap::new(), free_port());
    gallery(&trap.path(""), ENROLLED, 2, 1);
    let more = "[retention]\nsightings = \"all\"\nfloor_mb = 0\n[console]\nminutes = 60\n";
    trap.write("site.toml", &site("lynx.gallery", &format!("{more}on = \"never\"\n")));
    trap.write("boards/fast.toml", &bench(STRANGER));
    let run = trap.run(&["--bursts", "1"]);
    assert!(run.status.success(), "{}", said(&run));
    let page = format!("{more}on = \"start\"\nlisten = \"127.0.0.1:{port}\"\n");
    trap.write("site.toml", &site("lynx.gallery", &page));
    trap.write("boards/fast.toml", &format!("{}pace = \"real\"\n", bench(MET)));
    let daemon = Daemon::of(trap.start(&["--json"]), port);
    (trap, daemon)
}

/// The burst of the first boot, which is the stranger's, and that of the second, as the page gets them.
fn bursts(client: &Client) -> [Value; 2] {
    assert!(within(Duration::from_secs(30), || client.object("/api/bursts")["total"] == 2));
    let all = client.object("/api/bursts")["items"].as_array().unwrap().clone();
    let of = |boot: &str| all.iter().find(|burst| burst["id"].as_str().unwrap().starts_with(boot)).unwrap();
    ["1-", "2-"].map(|boot| client.object(&format!("/api/burst/{}", of(boot)["id"].as_str().unwrap())))
}

#[test]
fn who_it_was_and_the_gallerys_pictures_are_there_for_whoever_is_logged_in() {
    let (_trap, daemon) = trap();
    let nobody = Client::new(daemon.at);
    for path in ["/api/individuals", "/api/individual/0"] {
        assert_eq!(nobody.get(path).status, 401, "{path}: behind the session");
    }
    let client = daemon.client();
    let [stranger, known] = bursts(&client);
    let identity = |burst: &Value| burst["seen"][0]["individuals"][0].clone();
    assert_eq!(identity(&known)["recognition"], "known", "{known}");
    assert_eq!(identity(&known)["individual"], "18");
    assert!(matches!(identity(&stranger)["recognition"].as_str(), Some("unsure" | "new")), "{stranger}");
    assert_eq!(identity(&stranger).get("individual"), None);

    let people = client.object("/api/individuals")["items"].as_array().unwrap().clone();
    let names: Vec<&str> = people.iter().filter_map(|who| who["individual"].as_str()).collect();
    assert_eq!(names, ["18", "19"], "those of the folders that the gallery was built from");
    for who in &people {
        let flanks: Vec<&str> =
            who["pictures"].as_array().unwrap().iter().filter_map(|p| p["flank"].as_str()).collect();
        assert!(flanks.contains(&"left") && flanks.contains(&"right"), "{who}");
        for picture in who["pictures"].as_array().unwrap() {
            let jpeg = client.get(&format!("/api/individual/{}", picture["n"]));
            assert_eq!((jpeg.status, jpeg.header("content-type")), (200, Some("image/jpeg")));
            assert!(jpeg.body.starts_with(&[0xff, 0xd8]));
        }
    }
    assert_eq!(client.get("/api/individual/99").status, 404);
}

#[test]
fn a_technician_sees_which_lynx_it_was_and_says_so() {
    if let Some(why) = browser_support::missing() {
        return skip(&why);
    }
    let (trap, daemon) = trap();
    let tile = |burst: &Value| format!(".grid .tile[data-key={}]", burst["id"]);
    let [stranger, known] = bursts(&daemon.client()).map(|burst| tile(&burst));
    let browser = Browser::new(PHONE.0, PHONE.1);
    browser.open(&format!("http://{}/", daemon.at));
    browser.write("#secret", &daemon.secret);
    browser.press("Open");
    browser.until("document.querySelector('nav')");
    browser.open(&format!("http://{}/#/events", daemon.at));
    browser.click(&known);
    browser.reads("Which individual?");
    browser.reads("Known: 18");
    // The animal itself, and beside it the gallery's pictures of both, the likelier one first.
    browser.until("document.querySelector('.who .cut img').naturalWidth > 0");
    browser.until("document.querySelectorAll('.faces img').length >= 4 && [...document.querySelectorAll('.faces img')].every((i) => { i.loading = 'eager'; return i.complete && i.naturalWidth > 0; })");
    let names = "[...document.querySelectorAll('.suggested h4')].map((h) => h.firstChild.textContent).join() === '18,19'";
    assert!(browser.truth(names));
    assert!(browser.truth("document.documentElement.scrollWidth <= window.innerWidth"), "wider than a phone");
    match browser_support::axe() {
        Ok(axe) => assert_eq!(browser.violations(&axe), Vec::<String>::new()),
        Err(why) => skip(&why),
    }
    browser.press("It is 18");
    let labels = || standing(trap.reader().labels().unwrap().items);
    assert!(within(Duration::from_secs(10), || labels().len() == 1));
    let label = labels().into_values().next().unwrap().label;
    assert_eq!(
        (label.seen[0].taxon.as_str(), label.seen[0].individual.as_deref()),
        ("Lynx lynx", Some("18"))
    );

    // The stranger: nobody is told as certain, and its name is given by hand.
    browser.open(&format!("http://{}/#/uncertain", daemon.at));
    browser.open(&format!("http://{}/#/events", daemon.at));
    browser.until("!document.querySelector('.sheet')");
    browser.click(&stranger);
    browser.reads("May be one of these");
    assert!(!browser.truth("document.body.innerText.includes('Known:')"));
    browser.write(".who-other input", "15");
    browser.press("Save");
    let named =
        |name: &str| labels().into_values().any(|l| l.label.seen[0].individual.as_deref() == Some(name));
    assert!(within(Duration::from_secs(10), || named("15") && named("18")));
    let mut complaints = browser.complaints();
    complaints.retain(|m| !(m.contains("/api/me") && m.contains("401")));
    assert_eq!(complaints, Vec::<String>::new());
    assert_eq!(daemon.client().object("/api/bursts?labelled=yes")["total"], json!(2));
}
