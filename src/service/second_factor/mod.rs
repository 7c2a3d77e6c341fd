//! The second factor of an identity: set up, checked, removed.

mod check;
mod codes;

pub(super) use check::{Checked, check, code_wrong};

use super::mail::at_minute;
use super::{Installation, step_up};
use crate::catalog::{By, CatalogTx, Principal, SecondFactor};
use crate::error::{Error, Kind, Result};
use crate::id::IdentityId;
use crate::model::hex::hex;
use crate::model::letter::{Content, Recipient};
use codes::{Code, Label, new_recovery_codes, recovery_mark, totp};
use serde_json::json;

/// What an authenticator app needs, shown once.
#[derive(serde::Serialize)]
pub struct Enrolment {
    /// The secret in base32, to be typed in.
    pub secret: String,
    /// The same as a link, to be scanned.
    pub otpauth_uri: String,
}

fn target(identity: IdentityId) -> String {
    format!("identity:{identity}")
}

fn none_yet() -> Error {
    Error::conflict(
        "no_second_factor",
        "There is no second factor. POST /api/v1/auth/totp/enroll gives the secret for one.",
    )
}

fn exists() -> Error {
    Error::conflict(
        "second_factor_exists",
        "There is a second factor already. Remove it first: DELETE /api/v1/auth/totp with a code of it.",
    )
}

/// Begins to set a second factor up. It counts once a first code is confirmed; until then this may be asked for again.
///
/// # Errors
/// 403 `step_up_required`: a session alone must not shut its owner out. 409 `second_factor_exists`.
pub async fn enroll(installation: &Installation, principal: &Principal) -> Result<Enrolment> {
    step_up::require_fresh(installation, principal)?;
    let (id, seed) = (principal.id(), hex(&crate::random::bytes::<20>()));
    let label = Label { issuer: &installation.app().name, account: &principal.identity().email };
    let factor = totp(&installation.keys.factors, id, &seed, label)?;
    installation
        .catalog
        .write("enroll_second_factor", move |tx| {
            if tx.has_second_factor(id)? {
                return Err(exists());
            }
            tx.put_second_factor(id, &seed)
        })
        .await?;
    let otpauth_uri = factor.to_url().map_err(|error| Error::internal(error.to_string()))?;
    Ok(Enrolment { secret: factor.secret().to_base32(), otpauth_uri })
}

/// Takes the first code of a second factor, which counts from now on, and returns its recovery codes.
///
/// # Errors
/// 403 `step_up_required`, 403 `code_wrong`, 409 `no_second_factor` or `second_factor_exists`, 429.
pub async fn confirm(
    installation: &Installation,
    principal: &Principal,
    code: String,
    by: By,
) -> Result<Vec<String>> {
    step_up::require_fresh(installation, principal)?;
    // Nothing but a code of a time step proves that the device has the secret.
    if matches!(Code::parse(&code), Some(Code::Recovery(_))) {
        return Err(code_wrong());
    }
    with_recovery_codes(
        installation,
        principal,
        code,
        by,
        |tx, id, by| {
            tx.confirm_second_factor(id)?;
            tx.audit(by, "second_factor.enrolled", &target(id), &json!({}))?;
            let (fact, at) = (format!("second_factor_enabled {id} {}", tx.now().0), at_minute(tx.now()));
            tx.post(&fact, &Recipient::Identity(id), &Content::SecondFactorEnabled { at })
        },
        |factor| match factor {
            None => Err(none_yet()),
            Some(factor) if factor.confirmed_at.is_some() => Err(exists()),
            Some(factor) => Ok(factor),
        },
    )
    .await
}

/// New recovery codes in the place of the old ones.
///
/// # Errors
/// 403 `code_wrong`, 409 `no_second_factor`, 429.
pub async fn renew_recovery_codes(
    installation: &Installation,
    principal: &Principal,
    code: String,
    by: By,
) -> Result<Vec<String>> {
    with_recovery_codes(
        installation,
        principal,
        code,
        by,
        |tx, id, by| tx.audit(by, "second_factor.recovery_codes_renewed", &target(id), &json!({})),
        confirmed,
    )
    .await
}

fn confirmed(factor: Option<SecondFactor>) -> Result<SecondFactor> {
    factor.filter(|factor| factor.confirmed_at.is_some()).ok_or_else(none_yet)
}

async fn with_recovery_codes(
    installation: &Installation,
    principal: &Principal,
    code: String,
    by: By,
    act: impl Fn(&CatalogTx<'_>, IdentityId, &By) -> Result<()> + Send + 'static,
    admit: fn(Option<SecondFactor>) -> Result<SecondFactor>,
) -> Result<Vec<String>> {
    let (id, key) = (principal.id(), installation.keys.factors);
    let codes = new_recovery_codes();
    let marks: Vec<String> =
        codes.iter().map(|code| recovery_mark(&key, id, &code.replace('-', ""))).collect();
    installation.throttle.before_code(&by.address)?;
    let address = by.address.clone();
    let checked = installation
        .catalog
        .write("confirm_second_factor", move |tx| {
            let factor = admit(tx.find_second_factor(id)?)?;
            let checked = check(tx, &key, id, &factor, &code, &by)?;
            if checked == Checked::Right {
                act(tx, id, &by)?;
                tx.put_recovery_codes(id, &marks)?;
            }
            Ok(checked)
        })
        .await?;
    checked.right_or(code_wrong)?;
    installation.throttle.code_was_right(&address);
    Ok(codes)
}

/// Refuses who has a second factor and sent no code of it, before anything is done.
///
/// # Errors
/// 403 `code_required`.
pub(super) fn require_sent(principal: &Principal, code: Option<&str>) -> Result<()> {
    if principal.has_second_factor() && code.is_none() { Err(code_required()) } else { Ok(()) }
}

/// Looks at the code of an act that asks for the second factor beside the password, where there is one. In the act's own
/// transaction: nothing is used up by an act that is refused otherwise.
///
/// # Errors
/// 403 `code_required`, 409 `no_second_factor` for a code of nothing.
pub(super) fn check_too(
    tx: &CatalogTx<'_>,
    key: &[u8; 32],
    identity: IdentityId,
    code: Option<&str>,
    by: &By,
) -> Result<Checked> {
    let factor = tx.find_second_factor(identity)?.filter(|factor| factor.confirmed_at.is_some());
    match (factor, code) {
        (None, None) => Ok(Checked::Right),
        (None, Some(_)) => Err(none_yet()),
        (Some(_), None) => Err(code_required()),
        (Some(factor), Some(code)) => check(tx, key, identity, &factor, code, by),
    }
}

fn code_required() -> Error {
    Error::new(
        Kind::Forbidden,
        "code_required",
        "You have a second factor: send a code of it too, in `code`.",
    )
}

/// Refuses a wrong code of somebody who is signed in.
///
/// # Errors
/// 403 `code_wrong`, 409 `no_second_factor`, 429.
pub(super) async fn require(
    installation: &Installation,
    principal: &Principal,
    code: String,
    by: &By,
) -> Result<()> {
    let (id, key, entry) = (principal.id(), installation.keys.factors, by.clone());
    installation.throttle.before_code(&by.address)?;
    let checked = installation
        .catalog
        .write("check_second_factor", move |tx| {
            let factor = confirmed(tx.find_second_factor(id)?)?;
            check(tx, &key, id, &factor, &code, &entry)
        })
        .await?;
    checked.right_or(code_wrong)?;
    installation.throttle.code_was_right(&by.address);
    Ok(())
}

/// Removes the second factor.
///
/// # Errors
/// 403 `code_wrong`, 409 `no_second_factor`, 409 `password_too_short` while the password is one that needs it, 429.
pub async fn remove(installation: &Installation, principal: &Principal, code: String, by: By) -> Result<()> {
    let (id, key) = (principal.id(), installation.keys.factors);
    installation.throttle.before_code(&by.address)?;
    let address = by.address.clone();
    let checked = installation
        .catalog
        .write("remove_second_factor", move |tx| {
            let factor = confirmed(tx.find_second_factor(id)?)?;
            if tx.is_password_short(id)? {
                return Err(password_too_short());
            }
            let checked = check(tx, &key, id, &factor, &code, &by)?;
            if checked == Checked::Right {
                tx.delete_second_factor(id)?;
                tx.audit(&by, "second_factor.removed", &target(id), &json!({}))?;
                let (fact, at) = (format!("second_factor_disabled {id} {}", tx.now().0), at_minute(tx.now()));
                tx.post(&fact, &Recipient::Identity(id), &Content::SecondFactorDisabled { at })?;
            }
            Ok(checked)
        })
        .await?;
    checked.right_or(code_wrong)?;
    installation.throttle.code_was_right(&address);
    Ok(())
}

fn password_too_short() -> Error {
    Error::new(
        Kind::Conflict,
        "password_too_short",
        "Your password has fewer than 15 characters, which is enough beside a second factor only. Change it to a longer \
         one first.",
    )
}
