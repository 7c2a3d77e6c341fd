//! The name of a tenant in URLs.

use crate::error::FieldError;

/// 2 to 40 characters of `[a-z0-9](-?[a-z0-9])*`, not reserved, and not to be mistaken for an id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Slug(String);

/// First segments of our own URLs, and names that people would take for ours.
const RESERVED: &[&str] = &[
    "about",
    "account",
    "admin",
    "api",
    "app",
    "assets",
    "auth",
    "billing",
    "console",
    "dashboard",
    "demo",
    "docs",
    "export",
    "healthz",
    "help",
    "import",
    "imports",
    "invitations",
    "jobs",
    "livez",
    "login",
    "logout",
    "mail",
    "me",
    "metrics",
    "new",
    "null",
    "operator",
    "plans",
    "public",
    "readyz",
    "root",
    "security",
    "settings",
    "setup",
    "sign-in",
    "sign-up",
    "static",
    "status",
    "support",
    "system",
    "tenant",
    "tenantry",
    "tenants",
    "undefined",
    "webhooks",
    "well-known",
    "www",
];

impl Slug {
    /// Longest slug, in characters.
    pub const MAX: usize = 40;

    /// The slug in `text`, or what is wrong with it.
    pub fn parse(text: &str) -> Result<Slug, FieldError> {
        let fault = |code, message: &str| Err(FieldError::new("slug", code, message));
        if !(2..=Slug::MAX).contains(&text.len()) {
            return fault("length", "must have 2 to 40 characters");
        }
        let is_well_formed = text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && !text.starts_with('-')
            && !text.ends_with('-')
            && !text.contains("--");
        if !is_well_formed {
            return fault("format", "may hold a-z, 0-9 and single hyphens between them");
        }
        if RESERVED.contains(&text) || uuid::Uuid::try_parse(text).is_ok() {
            return fault("reserved", "is reserved; choose another");
        }
        Ok(Slug(text.to_owned()))
    }

    /// A slug made of a tenant's name: lower case, everything else turned into hyphens. `None` if nothing is left.
    pub fn of_name(name: &str) -> Option<Slug> {
        let mut slug = String::new();
        for c in name.chars().flat_map(char::to_lowercase) {
            if c.is_ascii_alphanumeric() {
                slug.push(c);
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
            // Room for the number that makes it unique.
            if slug.len() >= Slug::MAX - 6 {
                break;
            }
        }
        Slug::parse(slug.trim_end_matches('-')).ok()
    }

    /// The same with a number behind it.
    pub fn numbered(&self, number: usize) -> Option<Slug> {
        Slug::parse(&format!("{}-{number}", self.0)).ok()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Slug;

    #[test]
    fn hostile_and_reserved_slugs_are_refused() {
        let refused = [
            "",
            "a",
            "-a",
            "a-",
            "a--b",
            "A",
            "a b",
            "a/b",
            "..",
            "a.",
            "a\0",
            "аpple",
            "api",
            "operator",
            "018f4d3c-7c1a-7000-8000-000000000000",
            &"a".repeat(41),
            &"a".repeat(300),
        ];
        for text in refused {
            assert!(Slug::parse(text).is_err(), "{text:?}");
        }
        for text in ["ab", "a-b", "acme-2", "0a", "con"] {
            assert!(Slug::parse(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn a_name_becomes_a_slug() {
        let of = |name| Slug::of_name(name).map(|slug| slug.as_str().to_owned());
        assert_eq!(of("Acme & Söhne GmbH").as_deref(), Some("acme-s-hne-gmbh"));
        assert_eq!(of("株式会社"), None);
        assert!(of(&"x".repeat(100)).is_some_and(|slug| slug.len() <= 40));
    }
}
