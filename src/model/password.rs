//! What a password must be. Hashing lives with identity in `service`.

use crate::error::FieldError;

/// Fewest characters of a password without a second factor (NIST SP 800-63B-4, 3.1.1.2).
pub const MIN_LENGTH: usize = 15;
/// Most bytes of a password: longer ones would only cost time.
pub const MAX_BYTES: usize = 1_024;

/// A password as it was typed; never shown, not even in Debug output.
pub struct Password(String);

impl Password {
    /// A new password, checked against the rules; `context` holds words that must not be most of it.
    pub fn parse_new(field: &str, text: &str, context: &[&str]) -> Result<Password, FieldError> {
        let fault = |code, message: String| Err(FieldError::new(field, code, message));
        if text.chars().count() < MIN_LENGTH {
            return fault(
                "too_short",
                format!("must have at least {MIN_LENGTH} characters; a few words do well"),
            );
        }
        if text.len() > MAX_BYTES {
            return fault("too_long", format!("must have at most {MAX_BYTES} bytes"));
        }
        let lower = text.to_lowercase();
        let mut kinds: Vec<char> = lower.chars().collect();
        kinds.sort_unstable();
        kinds.dedup();
        let guessable = kinds.len() < 5
            || context
                .iter()
                .any(|word| word.len() >= 4 && lower.replace(&word.to_lowercase(), "").len() < 8);
        if guessable {
            return fault("guessable", "is too easy to guess; use several unrelated words".to_owned());
        }
        Ok(Password(text.to_owned()))
    }

    /// A password that is only compared.
    pub fn given(text: String) -> Password {
        Password(text)
    }

    /// The bytes to hash.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::Password;

    #[test]
    fn weak_passwords_are_refused() {
        let code = |text: &str| {
            Password::parse_new("password", text, &["ann@example.com", "Ann Example"]).err().map(|f| f.code)
        };
        assert_eq!(code("short").as_deref(), Some("too_short"));
        assert_eq!(code("aaaaaaaaaaaaaaaaaaaa").as_deref(), Some("guessable"));
        assert_eq!(code("ann@example.com1").as_deref(), Some("guessable"));
        assert_eq!(code("quartz otter juggles"), None);
        assert_eq!(format!("{:?}", Password::given("secret".to_owned())), "Password(..)");
    }
}
