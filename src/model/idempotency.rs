//! The key by which a client repeats a request without doing it twice.

use crate::error::{Error, Result};

/// 1 to 255 visible ASCII characters, chosen by the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads a key.
    ///
    /// # Errors
    /// 400 `bad_idempotency_key`.
    pub fn parse(text: &str) -> Result<IdempotencyKey> {
        let is_key = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_key {
            return Ok(IdempotencyKey(text.to_owned()));
        }
        Err(IdempotencyKey::refused())
    }

    /// 400: what was sent is no key.
    pub fn refused() -> Error {
        Error::malformed(
            "bad_idempotency_key",
            "Idempotency-Key is sent once and has 1 to 255 visible ASCII characters, such as a UUID.",
        )
    }

    /// 409: another request came with it.
    pub fn reused() -> Error {
        Error::conflict(
            "idempotency_key_reused",
            "This Idempotency-Key came with another request within 24 hours. Give each request a key of its own.",
        )
    }

    /// As it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An answer as it was given, for who repeats the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenAnswer {
    /// Its HTTP status.
    pub status: u16,
    /// Where what it made is.
    pub location: Option<String>,
    /// Its body; nothing where that is not kept.
    pub body: Option<Vec<u8>>,
}

/// What is known of a key as a request comes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is new, and claimed now.
    New,
    /// The same request was answered.
    Answered(GivenAnswer),
    /// The same request was begun, and never answered.
    Unfinished,
    /// It came with another request.
    Reused,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_visible_ascii_of_bounded_length() {
        for text in ["a", "\"8e03978e-40d5-43dd\"", &"x".repeat(255)] {
            assert_eq!(IdempotencyKey::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "a b", "ä", "a\t", "\u{7f}", &"x".repeat(256)] {
            assert_eq!(IdempotencyKey::parse(text).unwrap_err().code(), "bad_idempotency_key");
        }
    }
}
