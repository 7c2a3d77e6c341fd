//! What asks for more than a session: that whoever holds it showed a moment ago who they are.
//!
//! A sign-in counts, and so does stepping up on a session that is older. A route says so beside its permission (`fresh` in
//! `http::scope::needs!`; every act of an operator does), and the function that acts asks again with [`require_fresh`].

use super::{Installation, passwords, second_factor};
use crate::catalog::{Actor, By, Principal};
use crate::clock::MINUTE;
use crate::error::{Error, Kind, Result};
use crate::tenancy::second_factor_required;
use serde_json::json;

/// How long a sign-in or a step-up counts (API "Identity").
pub const FRESH_FOR: i64 = 10 * MINUTE;

/// Refuses who did not sign in or step up within the last ten minutes.
///
/// # Errors
/// 403 `step_up_required`.
pub fn require_fresh(installation: &Installation, principal: &Principal) -> Result<()> {
    let age = installation.clock.now().since(principal.confirmed_at()?);
    if (0..FRESH_FOR).contains(&age) {
        return Ok(());
    }
    Err(Error::new(
        Kind::Forbidden,
        "step_up_required",
        "This needs a fresh sign-in. Send your password, or a code where you have a second factor, to \
         /api/v1/auth/step-up, then try again within 10 minutes.",
    ))
}

/// Steps up: the password again, and the session counts as fresh for ten minutes.
///
/// # Errors
/// 403 `password_wrong`, 403 `code_required` where there is a second factor, 429 after too many of them, 503 when too many sign in at once.
pub async fn step_up_with_password(
    installation: &Installation,
    principal: &Principal,
    password: String,
    by: By,
) -> Result<()> {
    if principal.has_second_factor() {
        return Err(Error::new(
            Kind::Forbidden,
            "code_required",
            "You have a second factor: send its code, not the password.",
        ));
    }
    passwords::require_password(installation, principal, password, &by.address).await?;
    confirm(installation, principal, by, "password").await
}

/// Steps up with a code of the second factor, or a recovery code.
///
/// # Errors
/// 403 `code_wrong`, 409 `no_second_factor`, 429 after too many wrong codes.
pub async fn step_up_with_code(
    installation: &Installation,
    principal: &Principal,
    code: String,
    by: By,
) -> Result<()> {
    second_factor::require(installation, principal, code, &by).await?;
    confirm(installation, principal, by, "code").await
}

async fn confirm(
    installation: &Installation,
    principal: &Principal,
    by: By,
    means: &'static str,
) -> Result<()> {
    let session = principal.session()?;
    installation
        .catalog
        .write("step_up", move |tx| {
            tx.confirm_session(session)?;
            tx.audit(&by, "session.stepped_up", &format!("session:{session}"), &json!({ "by": means }))
        })
        .await
}

/// An operator who acts, and from where: for the functions that act and for the audit log.
///
/// # Errors
/// 403 `operator_only`, 403 `step_up_required`.
pub fn operator(installation: &Installation, principal: &Principal, by: By) -> Result<By> {
    if !principal.identity().operator {
        return Err(operator_only());
    }
    require_second_factor(installation, principal)?;
    require_fresh(installation, principal)?;
    Ok(By { actor: Actor::Operator(principal.id()), ..by })
}

/// Refuses an operator without a second factor where the app asks everybody for one.
///
/// # Errors
/// 403 `second_factor_required`.
pub fn require_second_factor(installation: &Installation, principal: &Principal) -> Result<()> {
    if installation.app().second_factor_required && !principal.has_second_factor() {
        return Err(second_factor_required());
    }
    Ok(())
}

/// 403 for who runs no installation.
pub fn operator_only() -> Error {
    Error::new(Kind::Forbidden, "operator_only", "Only an operator of this installation can do this.")
}
