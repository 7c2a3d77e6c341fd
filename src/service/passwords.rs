//! The password again, of somebody who is signed in.

use super::Installation;
use super::password_hasher::Compared;
use crate::catalog::Principal;
use crate::error::{Error, Kind, Result};
use crate::model::password::{MAX_BYTES, Password};

/// Refuses a wrong password. Guessing here is as slow as at the sign-in: both count the same.
///
/// # Errors
/// 403 `password_wrong`; 429; 503 when too many sign in at once.
pub(super) async fn require(
    installation: &Installation,
    principal: &Principal,
    password: String,
    address: &str,
) -> Result<()> {
    let account = principal.identity().email.clone();
    let session = principal.session().to_string();
    let from = From::Known(&session);
    installation.throttle.before_try(&account, from)?;
    let wrong = || Error::new(Kind::Forbidden, "password_wrong", "The password is not right. Try again.");
    if password.len() > MAX_BYTES {
        return Err(wrong());
    }
    let id = principal.id();
    let found = installation.catalog.read(move |tx| tx.find_password_of(id)).await?;
    let compared = installation
        .hasher
        .compare(Password::given(password), found.map(|found| found.hash))
        .await
        .inspect_err(|_| installation.throttle.take_back(&account, from))?;
    if matches!(compared, Compared::Wrong) {
        return Err(wrong());
    }
    installation.throttle.succeeded(&account, from);
    Ok(())
}
