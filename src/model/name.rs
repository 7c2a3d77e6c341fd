//! Names that people give to themselves and to tenants.

use super::text::{is_invisible, shapes_neighbours};
use crate::error::FieldError;

/// 1 to 200 characters after trimming, of which one at least can be seen, and none hides or turns the direction of
/// text: names are shown in logs, mails and lists of others.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Name(String);

impl Name {
    /// The name in `text`, or what is wrong with it; `field` is how the client calls it.
    pub fn parse(field: &str, text: &str) -> Result<Name, FieldError> {
        let text = text.trim();
        if text.chars().all(|c| c.is_whitespace() || shapes_neighbours(c)) {
            return Err(FieldError::new(field, "required", "must not be empty"));
        }
        if text.chars().count() > 200 {
            return Err(FieldError::new(field, "length", "must have at most 200 characters"));
        }
        if text.chars().any(|c| is_invisible(c) && !shapes_neighbours(c)) {
            return Err(FieldError::new(field, "format", "must not hold control or invisible characters"));
        }
        Ok(Name(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn names_that_hide_something_are_refused() {
        for good in ["Ann", "José", "علی\u{200c}رضا", "Heart \u{2764}\u{fe0f}", "李"] {
            assert!(Name::parse("name", good).is_ok(), "{good:?}");
        }
        for bad in ["", " ", "\u{200d}", "A\u{200b}nn", "Ann\u{202e}", "A\nB", "\u{3164}", "Ann\u{e0041}"] {
            assert!(Name::parse("name", bad).is_err(), "{bad:?}");
        }
        assert!(Name::parse("name", &"x".repeat(201)).is_err());
    }
}
