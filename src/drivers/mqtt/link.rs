//! The line to the broker: brought up, greeted over, watched for PUBACKs, and dropped whole at the first fault.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::discovery::announcement;
use super::options::Options;
use super::session::{Fault, Happening, Letter, MAX_BODY, OFFLINE, ONLINE, Session, WINDOW, open};
use super::topics::{HOME_ASSISTANT_STATUS, Topics};

/// How long the line is listened to before it is believed to be up: what already came in is in by then.
const GLANCE: Duration = Duration::from_millis(2);

/// Commands given out at once; the others wait for the next call.
const MOST_COMMANDS: usize = 64;

/// Why a letter did not go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Broken {
    Down {
        what: String,
        cure: String,
    },
    Refused {
        what: String,
        cure: String,
    },
    /// Bytes of the body.
    TooLong(usize),
}

impl Broken {
    pub(super) fn down(what: &str, cure: &str) -> Self {
        Broken::Down { what: what.to_owned(), cure: cure.to_owned() }
    }
}

pub(super) struct Line {
    options: Options,
    topics: Topics,
    tls: Option<Arc<rustls::ClientConfig>>,
    session: Option<Box<dyn Session>>,
    /// Commands that came and were not asked for yet, with their tickets.
    inbox: VecDeque<(u16, Vec<u8>)>,
    /// Tickets of commands that were given out and are not acknowledged yet.
    given: Vec<u16>,
    /// The retained command that came last: the broker gives it again at each subscription, and it is one command.
    retained: Option<Vec<u8>>,
    /// The broker grants the trap its command topic.
    heard: bool,
    /// Home Assistant started and wants to hear of the trap.
    announce: bool,
}

impl Line {
    pub(super) fn new(options: Options, tls: Option<Arc<rustls::ClientConfig>>) -> Self {
        let topics = Topics::new(&options.prefix, &options.site, &options.device);
        Line {
            options,
            topics,
            tls,
            session: None,
            inbox: VecDeque::new(),
            given: Vec::new(),
            retained: None,
            heard: true,
            announce: false,
        }
    }

    pub(super) fn topics(&self) -> &Topics {
        &self.topics
    }

    /// Makes sure that the line is up, connecting where it is not.
    pub(super) fn up(&mut self, until: Instant) -> Result<(), Broken> {
        // What came in while nobody listened may be the end of the connection.
        while Instant::now() < until && self.session.is_some() && matches!(self.step(GLANCE), Ok(Some(_))) {}
        if self.session.is_some() {
            return Ok(());
        }
        self.session = Some(open(&self.options, &self.topics, self.tls.clone()));
        while self.next(until)? != Happening::Connected {}
        let mut topics = vec![self.topics.command()];
        if self.options.home_assistant {
            topics.push(HOME_ASSISTANT_STATUS.to_owned());
        }
        self.session.as_mut().map(|session| session.subscribe(&topics));
        loop {
            if let Happening::Subscribed(granted) = self.next(until)? {
                self.heard = granted.first() == Some(&true);
                break;
            }
        }
        let mut hello = vec![self.status(ONLINE)];
        if self.options.home_assistant {
            hello.insert(0, announcement(&self.topics, &self.options.site, &self.options.device));
        }
        self.announce = false;
        for answer in self.deliver(&hello, until) {
            match answer {
                // A broker that forbids the topic still takes events: told, not fatal.
                Err(Broken::Refused { what, cure }) => log::warn!("mqtt: {what}; {cure}"),
                other => other?,
            }
        }
        Ok(())
    }

    /// Sends `letters`, at most [`WINDOW`] at once; the answers stand in their order and end at the first that
    /// shows the line gone.
    pub(super) fn deliver(&mut self, letters: &[Letter], until: Instant) -> Vec<Result<(), Broken>> {
        let mut answers: Vec<Option<Result<(), Broken>>> = letters
            .iter()
            .map(|letter| (letter.body.len() > MAX_BODY).then_some(Err(Broken::TooLong(letter.body.len()))))
            .collect();
        let mut waiting: VecDeque<usize> =
            (0..letters.len()).filter(|&i| answers.get(i).is_some_and(Option::is_none)).collect();
        // Letters without a packet id yet, in order, and those that have one.
        let mut handed: VecDeque<usize> = VecDeque::new();
        let mut under_way: HashMap<u16, usize> = HashMap::new();
        let mut broken = None;
        while broken.is_none() && !(waiting.is_empty() && handed.is_empty() && under_way.is_empty()) {
            while handed.len() + under_way.len() < WINDOW {
                let Some(index) = waiting.pop_front() else { break };
                let sent =
                    letters.get(index).zip(self.session.as_mut()).map(|(l, session)| session.publish(l));
                if sent != Some(true) {
                    waiting.push_front(index);
                    break;
                }
                handed.push_back(index);
            }
            match self.next(until) {
                Ok(Happening::Sent(id)) => {
                    if let Some(index) = handed.pop_front() {
                        under_way.insert(id, index);
                    }
                }
                Ok(Happening::Acked(id, verdict)) => {
                    let index = under_way.remove(&id);
                    if let (Some(index), Some(letter)) = (index, index.and_then(|i| letters.get(i))) {
                        let refusal = |reason: String| refused_letter(&letter.topic, &reason);
                        if let Some(answer) = answers.get_mut(index) {
                            *answer = Some(verdict.map_err(refusal));
                        }
                    }
                }
                Ok(_) => {}
                Err(e) => broken = Some(e),
            }
        }
        // Past the first letter without an answer nothing counts: it is all sent again under the same names.
        let mut told: Vec<_> = answers.into_iter().map_while(|answer| answer).collect();
        told.extend(broken.filter(|_| told.len() < letters.len()).map(Err));
        told
    }

    /// Acknowledges the commands given out before, and gives those that came; waits for the first.
    pub(super) fn commands(&mut self, until: Instant) -> Result<Vec<Vec<u8>>, Broken> {
        self.up(until)?;
        if let Some(session) = self.session.as_mut() {
            self.given.drain(..).for_each(|ticket| session.acknowledge(ticket));
        }
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let quiet = self.inbox.is_empty() && !left.is_zero();
            // Also when there is something: acknowledgements go out, and what came along is taken with it.
            let stepped = self.step(if quiet { left } else { GLANCE })?;
            if self.announce {
                self.announce = false;
                let letter = announcement(&self.topics, &self.options.site, &self.options.device);
                for answer in self.deliver(&[letter], until.max(Instant::now() + GLANCE)) {
                    answer?;
                }
            } else if stepped.is_none() || self.inbox.len() >= MOST_COMMANDS {
                break;
            }
        }
        if !self.heard {
            return Err(Broken::Refused {
                what: format!("the broker lets the trap not read {}", self.topics.command()),
                cure: "allow it for user in the broker's access list".to_owned(),
            });
        }
        let (tickets, bodies): (Vec<u16>, Vec<Vec<u8>>) = self.inbox.drain(..).unzip();
        self.given.extend(tickets.into_iter().filter(|&ticket| ticket != 0));
        Ok(bodies)
    }

    /// Forgets which commands were given out: the broker brings them again, as nobody says that they were dealt with.
    pub(super) fn disown_commands(&mut self) {
        self.given.clear();
    }

    /// Says goodbye and closes the line; what cannot be said within the time is left to the last will.
    pub(super) fn leave(&mut self, until: Instant) {
        if self.session.is_none() {
            return;
        }
        if let Some(session) = self.session.as_mut() {
            self.given.drain(..).for_each(|ticket| session.acknowledge(ticket));
        }
        let letter = self.status(OFFLINE);
        self.deliver(&[letter], until);
        if let Some(session) = self.session.as_mut() {
            session.disconnect();
        }
        // Until the broker closes the connection.
        while self.session.is_some() && self.next(until).is_ok() {}
        self.drop_session();
    }

    fn status(&self, word: &str) -> Letter {
        Letter { topic: self.topics.status(), body: word.into(), retain: true, content_type: None }
    }

    /// The next thing that happens; an error when nothing does until `until`.
    fn next(&mut self, until: Instant) -> Result<Happening, Broken> {
        let left = until.saturating_duration_since(Instant::now());
        if let Some(happening) = self.step(left)? {
            return Ok(happening);
        }
        self.drop_session();
        let what = format!("{} did not answer in time", self.options.broker);
        Err(Broken::down(&what, "check the link, and host and port in broker"))
    }

    /// Lets the session work for at most `wait`, and sorts what came in.
    fn step(&mut self, wait: Duration) -> Result<Option<Happening>, Broken> {
        let Some(session) = self.session.as_mut() else {
            return Err(Broken::down("the connection is gone", "it is opened again"));
        };
        let happening = match session.next(wait) {
            Ok(happening) => happening,
            Err(fault) => {
                self.drop_session();
                return Err(self.explain(fault));
            }
        };
        if let Some(Happening::Message { topic, body, ticket, retained }) = &happening {
            let again = *retained && self.retained.as_ref() == Some(body);
            if *topic == self.topics.command() && !again {
                if *retained {
                    self.retained = Some(body.clone());
                }
                self.inbox.push_back((*ticket, body.clone()));
            } else {
                self.announce |= topic == HOME_ASSISTANT_STATUS && body == ONLINE.as_bytes();
                if *ticket != 0 {
                    session.acknowledge(*ticket);
                }
            }
        }
        Ok(happening)
    }

    /// Forgets the connection and all it had under way. Commands that were not acknowledged come again.
    fn drop_session(&mut self) {
        self.inbox.clear();
        self.given.clear();
        if let Some(session) = self.session.take() {
            // A name server that does not answer holds the client library's thread for long after the deadline;
            // where there is no thread to wait for it, we wait here.
            let _ = std::thread::Builder::new().name("mqtt-close".to_owned()).spawn(move || drop(session));
        }
    }

    fn explain(&self, fault: Fault) -> Broken {
        let broker = &self.options.broker;
        match fault {
            Fault::Credentials(what) => Broken::Refused {
                what: format!("{broker}: {what}"),
                cure: "check user, password and certificate_file".to_owned(),
            },
            Fault::Tls(what, cure) | Fault::Link(what, cure) => {
                Broken::down(&format!("{broker}: {what}"), cure)
            }
        }
    }
}

fn refused_letter(topic: &str, reason: &str) -> Broken {
    Broken::Refused {
        what: format!("the broker refused a message on {topic}: {reason}"),
        cure: "allow the topic for user in the broker's access list".to_owned(),
    }
}
