//! New passwords: what they must not be made of.

use super::Installation;
use crate::model::password::KnownWords;

/// What somebody who guesses this person's password would try first.
pub(super) fn known_words<'a>(
    installation: &Installation,
    email: &str,
    name: &str,
    tenants: impl IntoIterator<Item = &'a str>,
) -> KnownWords {
    let known = KnownWords::new()
        .with("your e-mail address", email)
        .with("your name", name)
        .with("the name of this product", &installation.app().name);
    tenants.into_iter().fold(known, |known, tenant| known.with("the name of the tenant", tenant))
}
