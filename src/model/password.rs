//! What a password must be. Hashing lives with identity in `service`.

mod common;

use crate::error::FieldError;

/// Fewest characters of a password without a second factor (NIST SP 800-63B-4, 3.1.1.2).
pub const MIN_LENGTH: usize = 15;
/// Fewest characters of a password beside a second factor.
pub const MIN_LENGTH_WITH_SECOND_FACTOR: usize = 10;
/// Most bytes of a password: longer ones would only cost time.
pub const MAX_BYTES: usize = 1_024;

/// Fewest letters and digits of a password beside words that are known of its owner.
const MIN_UNKNOWN: usize = 8;
/// Shorter words are parts of too many others.
const MIN_WORD: usize = 3;

/// Words that whoever guesses tries first: the names of a person and of what the person signs in to.
#[derive(Debug, Default)]
pub struct KnownWords(Vec<(String, &'static str)>);

impl KnownWords {
    /// None but the name of this program.
    pub fn new() -> KnownWords {
        KnownWords::default().with("the name of this product", "tenantry")
    }

    /// And these: `text` whole, and its parts. `what` says to the person what they are: `your name`.
    #[must_use]
    pub fn with(mut self, what: &'static str, text: &str) -> KnownWords {
        let lower = text.to_lowercase();
        let parts = lower.split(|c: char| !c.is_alphanumeric()).map(str::to_owned);
        let words = parts.chain([plain(&lower)]).filter(|word| word.chars().count() >= MIN_WORD);
        self.0.extend(words.map(|word| (word, what)));
        // Longer ones first: a part of a word must not break it.
        self.0.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        self
    }

    /// What most of `text` is made of, if it is made of these.
    fn most_of(&self, text: &str) -> Option<&'static str> {
        let (mut rest, mut found) = (plain(text), None);
        for (word, what) in &self.0 {
            if rest.contains(word) {
                // Not removed: what stands on both sides of it must not join into another word.
                rest = rest.replace(word, " ");
                found = found.or(Some(*what));
            }
        }
        let unknown = plain(&rest);
        let is_little = unknown.chars().count() < MIN_UNKNOWN || unknown.chars().all(char::is_numeric);
        found.filter(|_| is_little)
    }
}

/// Letters and digits alone.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// A password as it was typed; never shown, not even in Debug output.
pub struct Password(String);

impl Password {
    /// Whether it is good only beside a second factor.
    pub fn is_short(&self) -> bool {
        self.0.chars().count() < MIN_LENGTH
    }

    /// A new password, checked against all rules there are; `field` is how the client calls it.
    ///
    /// # Errors
    /// What is wrong with it, without a word of the password itself.
    pub fn parse_new(
        field: &str,
        text: &str,
        has_second_factor: bool,
        known: &KnownWords,
    ) -> Result<Password, FieldError> {
        let fault = |code, message: String| Err(FieldError::new(field, code, message));
        let least = if has_second_factor { MIN_LENGTH_WITH_SECOND_FACTOR } else { MIN_LENGTH };
        if text.chars().count() < least {
            return fault("too_short", format!("must have at least {least} characters; a few words do well"));
        }
        if text.len() > MAX_BYTES {
            return fault("too_long", format!("must have at most {MAX_BYTES} bytes"));
        }
        let lower = text.to_lowercase();
        if is_monotonous(&lower) {
            return fault(
                "guessable",
                "repeats a few characters, so it is easy to guess; use several unrelated words".to_owned(),
            );
        }
        if common::contains(&lower) {
            return fault(
                "common",
                "is in lists of passwords that many people chose, so it is guessed early; use several unrelated words"
                    .to_owned(),
            );
        }
        if let Some(what) = known.most_of(&lower) {
            return fault(
                "guessable",
                format!("is made mostly of {what}, so it is easy to guess; use several unrelated words"),
            );
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

/// Fewer than five different characters, or a few that begin again and again.
fn is_monotonous(lower: &str) -> bool {
    let chars: Vec<char> = lower.chars().collect();
    let mut kinds = chars.clone();
    kinds.sort_unstable();
    kinds.dedup();
    let repeats = |period: usize| chars.iter().zip(chars.iter().skip(period)).all(|(one, next)| one == next);
    kinds.len() < 5 || (1..=chars.len() / 2).take_while(|period| *period < MIN_UNKNOWN).any(repeats)
}

#[cfg(test)]
mod tests {
    use super::{KnownWords, Password};

    fn code(text: &str, has_second_factor: bool) -> Option<String> {
        let known = KnownWords::new()
            .with("your e-mail address", "ann.berg@example.com")
            .with("your name", "Ann Berg")
            .with("the name of this product", "Ledgerly")
            .with("the name of the tenant", "Acme Tools");
        Password::parse_new("password", text, has_second_factor, &known).err().map(|fault| {
            assert!(!fault.message.contains(text), "{}", fault.message);
            fault.code.into()
        })
    }

    #[test]
    fn weak_passwords_are_refused() {
        for (text, expected) in [
            ("short", "too_short"),
            ("fourteen zebra", "too_short"),
            ("aaaaaaaaaaaaaaaaaaaa", "guessable"),
            ("zebra7zebra7zebra7", "guessable"),
            ("ann.berg@example.com1", "guessable"),
            ("Ann-Berg-Acme-Tools-7", "guessable"),
            ("tenantry-tenantry-99", "guessable"),
            ("Ledgerly2026Ledgerly2027", "guessable"),
            ("annberg123456789012", "guessable"),
            ("1234567890qwerty", "common"),
            ("QWERTYUIOPASDFGHJKL", "common"),
        ] {
            assert_eq!(code(text, false).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(format!("{:?}", Password::given("secret".to_owned())), "Password(..)");
    }

    #[test]
    fn good_passwords_are_taken() {
        let long = "quartz otter juggles".repeat(51);
        for text in ["quartz otter juggles", "acme otter juggles nine", "ein süßer Löwe weint", &long] {
            assert_eq!(code(text, false), None, "{text}");
        }
        assert_eq!(code(&"quartz otter juggles ".repeat(51), false).as_deref(), Some("too_long"));
    }

    #[test]
    fn a_second_factor_lets_a_password_be_shorter_and_no_weaker() {
        assert_eq!(code("quartz7otter", false).as_deref(), Some("too_short"));
        assert_eq!(code("quartz7otter", true), None);
        assert_eq!(code("otter7qua", true).as_deref(), Some("too_short"));
        assert_eq!(code("qwertyuiop", true).as_deref(), Some("common"));
        assert_eq!(code("password123", true).as_deref(), Some("common"));
    }
}
