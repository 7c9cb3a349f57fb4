//! Events are posted to a web server, and its answers are understood. The server is `tiny_http`, or a bare socket
//! where an answer is needed that no server gives.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tiny_http::{Header, Response, Server};
use trapline::drivers::Secret;
use trapline::drivers::webhook::{Options, Webhook};
use trapline::hal::{Parcel, Receipt, Subject, Uplink, UplinkError};

const PATIENCE: Duration = Duration::from_secs(10);

/// What the server saw of a request.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        let header = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        header.map_or("", |(_, value)| value)
    }
}

/// What to answer: status, headers, body.
type Answer = (u16, Vec<(&'static str, String)>, String);

/// A server that gives these answers in turn and tells what it saw.
fn server(answers: Vec<Answer>) -> (u16, Receiver<Seen>) {
    let server = Server::http("127.0.0.1:0").unwrap();
    let port = server.server_addr().to_ip().unwrap().port();
    let (tell, seen) = channel();
    std::thread::spawn(move || {
        for (status, headers, text) in answers {
            let mut request = server.recv().unwrap();
            let mut body = Vec::new();
            request.as_reader().read_to_end(&mut body).unwrap();
            let headers_seen =
                request.headers().iter().map(|h| (h.field.to_string(), h.value.to_string())).collect();
            let (method, path) = (request.method().to_string(), request.url().to_owned());
            tell.send(Seen { method, path, headers: headers_seen, body }).unwrap();
            let mut response = Response::from_string(text).with_status_code(status);
            for (name, value) in headers {
                response.add_header(Header::from_bytes(name, value).unwrap());
            }
            request.respond(response).unwrap();
        }
    });
    (port, seen)
}

fn answer(status: u16, text: &str) -> Answer {
    (status, vec![], text.to_owned())
}

fn webhook(port: u16) -> Webhook {
    let url = format!("http://127.0.0.1:{port}/hook?site=rila");
    Webhook::new(&Options { url, token: Some(Secret::new("geheim")), ..Options::default() }).unwrap()
}

fn event(name: &str) -> Parcel {
    let body = br#"{"species":"Canis lupus"}"#.to_vec();
    Parcel { subject: Subject::Event, name: name.to_owned(), body, port: 1, confirm: false }
}

#[test]
fn an_event_and_its_picture_are_posted_as_they_are() {
    let (port, seen) = server(vec![answer(200, ""), answer(204, "")]);
    let mut hook = webhook(port);
    assert_eq!(hook.send(&event("t1-3-300"), PATIENCE).unwrap(), Receipt::Delivered);
    let jpeg = vec![0xFF, 0xD8, 0, 10, 13];
    let picture = Parcel { subject: Subject::Picture, body: jpeg.clone(), ..event("t1-3-300-p") };
    assert_eq!(hook.send(&picture, PATIENCE).unwrap(), Receipt::Delivered);
    let first = seen.recv().unwrap();
    assert_eq!((first.method.as_str(), first.path.as_str()), ("POST", "/hook?site=rila"));
    assert_eq!(first.body, event("").body);
    assert_eq!(first.header("Content-Type"), "application/json");
    assert_eq!(first.header("Idempotency-Key"), "t1-3-300");
    assert_eq!(first.header("Authorization"), "Bearer geheim");
    let second = seen.recv().unwrap();
    assert_eq!((second.header("Content-Type"), second.header("Trapline-Subject")), ("image/jpeg", "picture"));
    assert_eq!(second.body, jpeg);
    assert!(!format!("{hook:?}").contains("geheim"));
}

#[test]
fn a_retry_has_the_same_key_and_the_same_body() {
    let (port, seen) = server(vec![answer(500, "oops"), answer(200, "")]);
    let mut hook = webhook(port);
    let down = hook.send(&event("t1-3-7"), PATIENCE).unwrap_err();
    assert!(matches!(&down, UplinkError::Down(e) if e.to_string().contains("500 \"oops\"")), "{down}");
    hook.send(&event("t1-3-7"), PATIENCE).unwrap();
    let (first, second) = (seen.recv().unwrap(), seen.recv().unwrap());
    assert_eq!(first.header("Idempotency-Key"), second.header("Idempotency-Key"));
    assert_eq!(first.body, second.body);
}

#[test]
fn a_receiver_that_will_never_take_it_is_told_with_its_first_words() {
    let long = format!("no such field\r\n{}", "x".repeat(5_000));
    let (port, _seen) = server(vec![answer(422, &long), answer(401, ""), answer(404, "nothing here")]);
    let mut hook = webhook(port);
    for cure in ["what the receiver takes", "check token", "check url"] {
        let UplinkError::Refused(error) = hook.send(&event("a"), PATIENCE).unwrap_err() else {
            panic!("not refused")
        };
        let told = error.to_string();
        assert!(told.contains(cure) && told.len() < 400 && !told.contains('\n'), "{told}");
        assert!(!told.contains("geheim"), "{told}");
    }
}

#[test]
fn a_pause_that_the_receiver_asks_for_is_kept() {
    let after = |status, seconds: &str| (status, vec![("Retry-After", seconds.to_owned())], String::new());
    let (port, _seen) = server(vec![after(429, "90"), after(503, "7"), answer(429, ""), answer(408, "")]);
    let mut hook = webhook(port);
    let mut send = || hook.send(&event("a"), PATIENCE).unwrap_err();
    assert!(matches!(send(), UplinkError::Wait(pause) if pause == Duration::from_secs(90)));
    assert!(matches!(send(), UplinkError::Wait(pause) if pause == Duration::from_secs(7)));
    assert!(matches!(send(), UplinkError::Down(_)));
    assert!(matches!(send(), UplinkError::Down(_)));
}

#[test]
fn a_redirect_is_told_and_the_token_goes_nowhere_else() {
    let (elsewhere, seen) = server(vec![answer(200, "")]);
    let to = format!("http://127.0.0.1:{elsewhere}/");
    let (port, _seen) = server(vec![(307, vec![("Location", to.clone())], String::new())]);
    let UplinkError::Refused(error) = webhook(port).send(&event("a"), PATIENCE).unwrap_err() else {
        panic!("not refused")
    };
    assert!(error.to_string().contains(&to), "{error}");
    assert!(seen.try_recv().is_err());
}

#[test]
fn commands_come_with_the_answer_and_are_given_once() {
    let good = r#"{"commands":["0100fe","zz",7,"0102"]}"#;
    let (port, _seen) =
        server(vec![answer(200, good), answer(200, "{\"commands\":7}"), answer(200, "thanks")]);
    let mut hook = webhook(port);
    hook.send(&event("a"), PATIENCE).unwrap();
    let commands: Vec<Vec<u8>> = hook.receive(PATIENCE).unwrap().into_iter().map(|d| d.bytes).collect();
    assert_eq!(commands, [vec![1, 0, 0xFE], vec![1, 2]]);
    for name in ["b", "c"] {
        assert_eq!(hook.send(&event(name), PATIENCE).unwrap(), Receipt::Delivered);
        assert_eq!(hook.receive(PATIENCE).unwrap(), []);
    }
}

/// A server on a bare socket that reads a little and then does as it likes.
fn rude(answer: &'static [u8], hold: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
            std::thread::sleep(hold);
        }
    });
    port
}

#[test]
fn silence_and_broken_answers_are_no_delivery_and_end_in_time() {
    let deadline = Duration::from_millis(600);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ports = [
        rude(b"", PATIENCE),
        rude(b"", Duration::ZERO),
        rude(b"HTTP/1.1 2", Duration::ZERO),
        rude(b"\0\xff garbage\r\n\r\n", Duration::ZERO),
        rude(b"HTTP/1.1 100 Continue\r\n\r\n", PATIENCE),
        closed,
    ];
    for port in ports {
        let begun = Instant::now();
        let error = webhook(port).send(&event("a"), deadline).unwrap_err();
        assert!(matches!(error, UplinkError::Down(_)), "{error}");
        // Two seconds for a busy machine; a server that holds the line holds it for ten.
        assert!(begun.elapsed() < deadline + Duration::from_secs(2));
    }
    let url = "http://no-such-host.invalid/".to_owned();
    let mut nowhere = Webhook::new(&Options { url, ..Options::default() }).unwrap();
    assert!(matches!(nowhere.send(&event("a"), deadline), Err(UplinkError::Down(_))));
}

#[test]
fn a_delivery_counts_even_when_the_rest_of_the_answer_is_lost() {
    let port = rude(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"comm", Duration::ZERO);
    let mut hook = webhook(port);
    assert_eq!(hook.send(&event("a"), PATIENCE).unwrap(), Receipt::Delivered);
    assert_eq!(hook.receive(PATIENCE).unwrap(), []);
}
