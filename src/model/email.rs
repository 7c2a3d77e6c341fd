//! E-mail addresses.

use super::text::is_invisible;
use crate::error::FieldError;

/// Most bytes of an address, RFC 5321.
const MOST: usize = 254;

/// An e-mail address as people have them: one `@`, a dotted domain, nothing that cannot be seen, kept in lower
/// case so that one person is one identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Email(String);

impl Email {
    /// The address in `text`, or what is wrong with it.
    pub fn parse(text: &str) -> Result<Email, FieldError> {
        let fault = || FieldError::new("email", "format", "must be an e-mail address like name@example.com");
        let text = text.trim();
        // Before anything is done with it: what comes here may be as long as a body.
        if text.len() > MOST {
            return Err(fault());
        }
        if text.chars().any(is_invisible) {
            return Err(FieldError::new("email", "format", "must not hold control or invisible characters"));
        }
        let text = text.to_lowercase();
        let (local, domain) = text.rsplit_once('@').ok_or_else(fault)?;
        let plain = |c: char| !c.is_whitespace() && !"\"(),:;<>[\\]@".contains(c);
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        };
        let valid = text.len() <= MOST
            && (1..=64).contains(&local.len())
            && local.chars().all(plain)
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && domain.contains('.')
            && domain.split('.').all(label);
        if valid { Ok(Email(text)) } else { Err(fault()) }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

#[cfg(test)]
mod tests {
    use super::Email;

    #[test]
    fn addresses_are_recognised() {
        for good in ["a@example.com", "A.B+c@sub.example.org", "müller@exämple.de"] {
            assert!(Email::parse(good).is_ok(), "{good}");
        }
        for bad in
            ["", "a", "a@b", "@b.c", "a@", "a b@c.d", "a@b..c", "a\r\n@b.c", "a@-b.c", "<a@b.c>", "a@b@c.d"]
        {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
        for hidden in ['\u{200b}', '\u{200d}', '\u{202e}', '\u{ad}', '\u{3164}', '\u{fe0f}', '\u{e0061}'] {
            for bad in [format!("a{hidden}@example.com"), format!("a@ex{hidden}ample.com")] {
                assert!(Email::parse(&bad).is_err(), "{bad:?}");
            }
        }
        assert_eq!(
            Email::parse(" Ann@Example.COM ").map(|e| e.as_str().to_owned()),
            Ok("ann@example.com".to_owned())
        );
    }
}
