//! HTTP POST: one request per message, for the many services that take JSON at an address.
//!
//! `Idempotency-Key` holds the parcel's name, the same after a retry, so that the receiver can drop duplicates;
//! `Trapline-Subject` says what the body is about, which pictures cannot say themselves. An answer 2xx is a delivery.
//! The answer may bring commands back: `{"commands": ["0100fe…"]}`, each a sealed command in hexadecimal.
//!
//! Redirects are not followed: a token would go to a host that nobody configured. The answer says where to.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use ureq::Agent;
use ureq::http::header::{DATE, HeaderMap, LOCATION, RETRY_AFTER};
use ureq::http::{HeaderName, HeaderValue, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig};

use super::Secret;
use super::command_text::from_hex;
use crate::hal::{DeviceError, Downlink, Form, Link, Parcel, Receipt, Subject, Uplink, UplinkError};

/// Its name in configuration, records and messages.
const NAME: &str = "webhook";

/// Longest answer read, bytes: commands are some dozens of bytes each.
const MOST_ANSWER_BYTES: u64 = 64 * 1024;

/// How much of a refusal is told, bytes.
const TOLD_BYTES: usize = 200;

/// Commands kept until they are asked for; a receiver that sends more sends the same ones again.
const MOST_COMMANDS: usize = 64;

/// Longest pause that a receiver can order: a day. A wrong one must not silence the trap for good.
const LONGEST_PAUSE: Duration = Duration::from_secs(86_400);

/// What a site says about its receiver.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// `https://host/path`, or `http://` on a network that is one's own.
    pub url: String,
    /// Sent as `Authorization: Bearer …`.
    pub token: Option<Secret>,
    /// Further headers.
    pub headers: Vec<(String, Secret)>,
    /// PEM file of the authorities trusted instead of Mozilla's, which are built in.
    pub ca_file: Option<PathBuf>,
}

/// Why the options cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The address.
    #[error("url is no address of a receiver; give https://host/path or http://host/path")]
    Url,
    /// A header's name or its value, which is not shown.
    #[error(
        "headers: \"{0}\" has a name or a value that HTTP does not allow; give plain ASCII text in one line"
    )]
    Header(String),
    /// The token.
    #[error("token holds what HTTP does not allow; give plain ASCII text in one line")]
    Token,
    /// The authorities' file.
    #[error("ca_file {}: {what}; give a PEM file that the trap can read", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

/// The webhook uplink.
#[derive(Debug)]
pub struct Webhook {
    url: Uri,
    headers: HeaderMap,
    agent: Agent,
    inbox: Vec<Downlink>,
}

impl Webhook {
    /// Checks `options` and reads the certificates; the network is not touched.
    pub fn new(options: &Options) -> Result<Self, OptionsError> {
        let url: Uri = options.url.parse().map_err(|_| OptionsError::Url)?;
        if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none_or(str::is_empty) {
            return Err(OptionsError::Url);
        }
        let mut headers = HeaderMap::new();
        if let Some(token) = &options.token {
            let value = format!("Bearer {}", token.expose()).parse().map_err(|_| OptionsError::Token)?;
            headers.insert(ureq::http::header::AUTHORIZATION, value);
        }
        for (name, value) in &options.headers {
            let wrong = || OptionsError::Header(name.clone());
            let header: HeaderName = name.parse().map_err(|_| wrong())?;
            headers.insert(header, value.expose().parse().map_err(|_| wrong())?);
        }
        headers.values_mut().for_each(|value| value.set_sensitive(true));
        let roots = options.ca_file.as_ref().map(authorities).transpose()?;
        let tls = TlsConfig::builder().root_certs(roots.unwrap_or(RootCerts::WebPki)).build();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("trapline/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build()
            .new_agent();
        Ok(Webhook { url, headers, agent, inbox: Vec::new() })
    }

    fn post(&self, parcel: &Parcel, deadline: Duration) -> Result<Answer, ureq::Error> {
        let content_type = match parcel.subject {
            Subject::Picture => "image/jpeg",
            _ => "application/json",
        };
        let mut request = self
            .agent
            .post(&self.url)
            .header("Content-Type", content_type)
            .header("Idempotency-Key", &parcel.name)
            .header("Trapline-Subject", parcel.subject.as_str());
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.clone());
        }
        let request = request.config().timeout_global(Some(deadline)).build();
        let mut response = request.send(parcel.body.as_slice())?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // The status counts, whatever becomes of the rest.
        let body =
            response.body_mut().with_config().limit(MOST_ANSWER_BYTES).read_to_vec().unwrap_or_default();
        Ok(Answer { status, headers, body })
    }

    fn take_commands(&mut self, body: &[u8]) {
        let Ok(answer) = serde_json::from_slice::<serde_json::Value>(body) else { return };
        for text in answer.get("commands").and_then(|c| c.as_array()).into_iter().flatten() {
            match text.as_str().and_then(|text| from_hex(text.trim().as_bytes())) {
                Some(bytes) if self.inbox.len() < MOST_COMMANDS => {
                    self.inbox.push(Downlink { port: 0, bytes })
                }
                Some(_) => log::warn!("webhook: more than {MOST_COMMANDS} commands at once; one is dropped"),
                None => log::warn!("webhook: a command in the answer is not hexadecimal and is dropped"),
            }
        }
    }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Uplink for Webhook {
    fn name(&self) -> &str {
        NAME
    }

    fn form(&self) -> Form {
        Form::Letter
    }

    /// There is no line to bring up: the first request finds out.
    fn ready(&mut self, _deadline: Duration) -> Result<Link, UplinkError> {
        Ok(Link { max_payload: usize::MAX, data_rate: None })
    }

    fn send(&mut self, parcel: &Parcel, deadline: Duration) -> Result<Receipt, UplinkError> {
        if HeaderValue::from_str(&parcel.name).is_err() {
            return Err(UplinkError::Refused(device_error(
                format!("the name {:?} is no header", parcel.name),
                "name parcels in a-z, 0-9 and -",
            )));
        }
        if deadline.is_zero() {
            return Err(UplinkError::Down(device_error("no time left".to_owned(), "it is tried again")));
        }
        let begun = Instant::now();
        let answer = self.post(parcel, deadline).map_err(|e| unreached(&e, begun.elapsed()))?;
        match answer.status {
            200..=299 => {
                self.take_commands(&answer.body);
                Ok(Receipt::Delivered)
            }
            408 | 429 | 500..=599 => Err(match pause(&answer.headers) {
                Some(pause) => UplinkError::Wait(pause),
                None => {
                    UplinkError::Down(refusal(&answer, "it is tried again; look into the receiver's log"))
                }
            }),
            300..=399 => {
                let to = answer.headers.get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
                let what = format!("status {}: it redirects to {to}", answer.status);
                Err(UplinkError::Refused(device_error(what, "give the final address as url")))
            }
            401 | 403 => Err(UplinkError::Refused(refusal(&answer, "check token and headers"))),
            _ => Err(UplinkError::Refused(refusal(&answer, "check url, and what the receiver takes"))),
        }
    }

    /// Gives what the answers brought, and does not wait: nothing comes but with an answer.
    fn receive(&mut self, _deadline: Duration) -> Result<Vec<Downlink>, UplinkError> {
        Ok(std::mem::take(&mut self.inbox))
    }
}

fn authorities(file: &PathBuf) -> Result<RootCerts, OptionsError> {
    let wrong = |what: String| OptionsError::File { file: file.clone(), what };
    let pem = std::fs::read(file).map_err(|e| wrong(e.to_string()))?;
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|e| wrong(e.to_string()))? {
            certificates.push(certificate);
        }
    }
    match certificates.is_empty() {
        true => Err(wrong("it holds no certificate".to_owned())),
        false => Ok(RootCerts::Specific(Arc::new(certificates))),
    }
}

fn device_error(what: String, cure: &str) -> DeviceError {
    DeviceError { device: NAME.to_owned(), what, cure: cure.to_owned() }
}

fn refusal(answer: &Answer, cure: &str) -> DeviceError {
    let shown = answer.body.get(..TOLD_BYTES).unwrap_or(&answer.body);
    let shown = String::from_utf8_lossy(shown);
    // In one line, whatever was answered: it goes into logs.
    let shown: String = shown.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    device_error(format!("the receiver answered {} \"{}\"", answer.status, shown.trim()), cure)
}

fn unreached(error: &ureq::Error, after: Duration) -> UplinkError {
    let cure = match error {
        ureq::Error::HostNotFound => "check the host in url, and the name server of the link",
        ureq::Error::Timeout(_) => "check the link; it is tried again",
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) => {
            "check the receiver's certificate, ca_file and the trap's clock"
        }
        ureq::Error::ConnectionFailed => "check host and port in url, and that the receiver runs",
        ureq::Error::Io(e) if e.kind() == std::io::ErrorKind::ConnectionRefused => {
            "check host and port in url, and that the receiver runs"
        }
        _ => "it is tried again; look into the receiver's log if it stays",
    };
    UplinkError::Down(device_error(format!("{error} after {} ms", after.as_millis()), cure))
}

/// What `Retry-After` asks for (RFC 9110, 10.2.3): seconds, or a date, counted from the answer's own `Date` where it
/// has one, because the trap's clock may be wrong.
fn pause(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::trim);
    let after = text(RETRY_AFTER)?;
    let date = |text: &str| DateTime::parse_from_rfc2822(text).ok().map(|date| date.with_timezone(&Utc));
    let asked = match after.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let now = text(DATE).and_then(date).unwrap_or_else(Utc::now);
            (date(after)? - now).to_std().unwrap_or_default()
        }
    };
    Some(asked.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(url: &str) -> Options {
        Options { url: url.to_owned(), ..Options::default() }
    }

    #[test]
    fn what_is_no_address_or_header_is_told_with_its_key_and_without_its_secret() {
        for url in ["", "host", "ftp://host/", "https://", "/path"] {
            assert!(matches!(Webhook::new(&options(url)), Err(OptionsError::Url)), "{url}");
        }
        let good = options("https://host/hook");
        Webhook::new(&good).unwrap();
        let token = Options { token: Some(Secret::new("ge\nheim")), ..good.clone() };
        let header = Options { headers: vec![("X Key".into(), Secret::new("geheim"))], ..good.clone() };
        let file = Options { ca_file: Some("/nowhere.pem".into()), ..good };
        for (wrong, key) in [(token, "token"), (header, "headers"), (file, "ca_file")] {
            let told = Webhook::new(&wrong).unwrap_err().to_string();
            assert!(told.starts_with(key) && !told.contains("geheim"), "{told}");
        }
    }

    #[test]
    fn retry_after_in_seconds_and_as_a_date() {
        let pause = |after: &str, date: &str| {
            let headers = [(RETRY_AFTER, after), (DATE, date)];
            pause(&headers.into_iter().map(|(n, v)| (n, v.parse().unwrap())).collect())
        };
        // The dates are the example of RFC 9110, 5.6.7, and two minutes before it.
        let (early, late) = ("Sun, 06 Nov 1994 08:47:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(pause("120", early), Some(Duration::from_secs(120)));
        assert_eq!(pause(late, early), Some(Duration::from_secs(120)));
        assert_eq!(pause(early, late), Some(Duration::ZERO));
        assert_eq!(pause("99999999999", early), Some(LONGEST_PAUSE));
        assert_eq!(pause("soon", early), None);
    }
}
