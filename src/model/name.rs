//! Names that people give to themselves and to tenants.

use crate::error::FieldError;

/// 1 to 200 characters after trimming, without control characters or marks that turn the direction of text: names are
/// shown in logs, mails and lists of others.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Name(String);

impl Name {
    /// The name in `text`, or what is wrong with it; `field` is how the client calls it.
    pub fn parse(field: &str, text: &str) -> Result<Name, FieldError> {
        let text = text.trim();
        let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if text.is_empty() {
            return Err(FieldError::new(field, "required", "must not be empty"));
        }
        if text.chars().count() > 200 {
            return Err(FieldError::new(field, "length", "must have at most 200 characters"));
        }
        if text.chars().any(|c| c.is_control() || turns(c)) {
            return Err(FieldError::new(field, "format", "must not hold control characters"));
        }
        Ok(Name(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
