//! Where the trap stands, shared: whoever finds it out says so, and whoever goes by the sun asks each time.

use std::sync::{Arc, PoisonError, RwLock};

/// Degrees north and east.
type Degrees = (f64, f64);

/// Where the trap stands, as far as that is known. What people said goes before what a receiver finds.
#[derive(Debug, Clone, Default)]
pub struct Place {
    said: Option<Degrees>,
    found: Arc<RwLock<Option<Degrees>>>,
}

impl Place {
    /// Where people `said` it stands, if they did.
    pub fn said(said: Option<(f64, f64)>) -> Place {
        Place { said, found: Arc::default() }
    }

    /// The same, for one who knows what people `said`: what is found is shared with this one.
    #[must_use]
    pub fn unless(&self, said: Option<(f64, f64)>) -> Place {
        Place { said, found: Arc::clone(&self.found) }
    }

    /// A receiver found it here, in degrees north and east, rounded as it is to be known.
    pub fn find(&self, place: (f64, f64)) {
        *self.found.write().unwrap_or_else(PoisonError::into_inner) = Some(place);
    }

    /// Degrees north and east; `None`: nobody knows yet.
    pub fn get(&self) -> Option<(f64, f64)> {
        self.said.or_else(|| *self.found.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl From<Option<(f64, f64)>> for Place {
    fn from(said: Option<(f64, f64)>) -> Place {
        Place::said(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_reaches_everybody_but_those_who_were_told() {
        let found = Place::default();
        let (open, told) = (found.unless(None), found.unless(Some((46.6, 25.3))));
        assert_eq!((open.get(), told.get()), (None, Some((46.6, 25.3))));
        found.find((46.512, 25.301));
        assert_eq!(open.get(), Some((46.512, 25.301)));
        found.find((46.522, 25.301));
        assert_eq!((open.get(), told.get()), (Some((46.522, 25.301)), Some((46.6, 25.3))));
    }
}
