//! How the page is told no: a status and a sentence, with the key and what is allowed where there is one.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::ConsoleError;
use crate::config::ConfigError;
use crate::deployment::SetupError;
use crate::store::JournalError;

/// A request that is not fulfilled.
#[derive(Debug)]
pub(super) struct Refusal {
    pub status: StatusCode,
    pub body: Value,
}

impl Refusal {
    pub fn new(status: StatusCode, sentence: impl std::fmt::Display) -> Refusal {
        Refusal { status, body: json!({ "error": sentence.to_string() }) }
    }

    pub fn unknown(what: &str) -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }

    /// A value that is not allowed.
    pub fn value(key: &str, value: impl std::fmt::Display, allowed: &str) -> Refusal {
        let mut refusal =
            Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, format!("`{key}` is {value}; allowed: {allowed}"));
        refusal.body["key"] = key.into();
        refusal.body["allowed"] = allowed.into();
        refusal
    }

    /// Something else to tell.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Refusal {
        self.body[name] = value.into();
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

impl From<JournalError> for Refusal {
    fn from(error: JournalError) -> Self {
        let status = match &error {
            JournalError::Unknown { .. } | JournalError::Unnamed(_) => StatusCode::NOT_FOUND,
            JournalError::Locked(_) | JournalError::ReadOnly { .. } => StatusCode::CONFLICT,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Refusal::new(status, error)
    }
}

impl From<ConsoleError> for Refusal {
    fn from(error: ConsoleError) -> Self {
        match error {
            ConsoleError::Journal(error) => error.into(),
            other => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, other),
        }
    }
}

impl From<SetupError> for Refusal {
    fn from(error: SetupError) -> Self {
        Refusal::value(error.key, error.value, error.allowed)
    }
}

impl From<ConfigError> for Refusal {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Range { key, value, allowed, .. } => Refusal::value(&key, value, &allowed),
            other => Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, other),
        }
    }
}
