//! What the battery has the sender do: be silent while it is low.

use super::Sender;
use crate::store::JournalError;

impl Sender {
    /// Whether messages wait because the battery is low. Before they do, one that says so goes out with the rest.
    pub(super) fn holds(&mut self) -> Result<bool, JournalError> {
        let holds = self.setup.shedding.uplink();
        let begins = holds && !std::mem::replace(&mut self.held, holds);
        self.held = holds;
        if begins {
            drop(self.health()?);
        }
        Ok(holds && !begins)
    }
}
