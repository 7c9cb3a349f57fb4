//! Where messages go: `<prefix>/<site>/<device>/<what>`.

use crate::hal::{Parcel, Subject};

/// Where Home Assistant says that it started (its MQTT integration's birth message).
pub(super) const HOME_ASSISTANT_STATUS: &str = "homeassistant/status";

/// The topics of one trap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    base: String,
}

impl Topics {
    /// Topics of `device` at `site`. Letters with a meaning in topics (`/ + #`) and control characters become `-`,
    /// but for the slashes of `prefix`; what is empty then becomes `-`.
    pub fn new(prefix: &str, site: &str, device: &str) -> Self {
        let levels: Vec<String> = prefix.split('/').filter(|level| !level.is_empty()).map(clean).collect();
        let prefix = if levels.is_empty() { "trapline".to_owned() } else { levels.join("/") };
        Topics { base: format!("{prefix}/{}/{}", clean(site), clean(device)) }
    }

    /// `online` or `offline`, retained.
    pub fn status(&self) -> String {
        format!("{}/status", self.base)
    }

    /// Where the trap listens.
    pub fn command(&self) -> String {
        format!("{}/command", self.base)
    }

    /// Where messages about `subject` go.
    pub fn of(&self, subject: Subject) -> String {
        format!("{}/{}", self.base, subject.as_str())
    }

    /// Where `parcel` goes; pictures have a topic each, by their name.
    pub fn of_parcel(&self, parcel: &Parcel) -> String {
        match parcel.subject {
            Subject::Picture => format!("{}/{}", self.of(Subject::Picture), clean(&parcel.name)),
            subject => self.of(subject),
        }
    }
}

/// `name` as one level of a topic. A `$` in front would hide the topic from `#` (MQTT 3.1.1, 4.7.2).
pub(super) fn clean(name: &str) -> String {
    let level: String =
        name.chars().map(|c| if matches!(c, '/' | '+' | '#') || c.is_control() { '-' } else { c }).collect();
    let level = level.trim().trim_start_matches('$').to_owned();
    if level.is_empty() { "-".to_owned() } else { level }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_level() {
        let topics = Topics::new("parks//north/", "Rila / east", "#1+\0");
        assert_eq!(topics.status(), "parks/north/Rila - east/-1--/status");
        assert_eq!(Topics::new("$SYS", "", "$x").command(), "SYS/-/x/command");
        assert_eq!(Topics::new("/", "s", "d").of(Subject::Digest), "trapline/s/d/digest");
    }

    #[test]
    fn pictures_have_a_topic_each() {
        let topics = Topics::new("trapline", "s", "d");
        let mut parcel = Parcel {
            subject: Subject::Picture,
            name: "d-3-300".into(),
            body: vec![],
            port: 1,
            confirm: false,
        };
        assert_eq!(topics.of_parcel(&parcel), "trapline/s/d/picture/d-3-300");
        parcel.subject = Subject::Event;
        assert_eq!(topics.of_parcel(&parcel), "trapline/s/d/event");
    }
}
